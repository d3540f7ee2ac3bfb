-- find_missing_tables: the tables that this role does not find through its search_path.
select name from unnest(:tables::text[]) as name where to_regclass(name) is null;
