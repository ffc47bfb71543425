-- What a query meets that only the program can work out: the query is then answered without SQL (see pet_graph/planner.py).
create function pet.not_in_sql(what text) returns bigint language plpgsql stable as $$
begin
    raise exception '% is not worked out in SQL', what using errcode = 'feature_not_supported';
end $$;
