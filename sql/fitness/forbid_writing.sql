-- forbid_writing: until the transaction or the savepoint around it ends, nothing can be written.
select set_config('transaction_read_only', 'on', true);
