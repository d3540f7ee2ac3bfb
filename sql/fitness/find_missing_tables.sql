-- find_missing_tables: the tables that are not there, as this role's search_path has it.
select name from unnest(:tables::text[]) as name where to_regclass(name) is null;
