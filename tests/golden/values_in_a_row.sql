-- the columns are slaPolicy
select convert_to(
  (select row_to_json(y)
  from
    (select r1.name as "name",
      (select coalesce(array_to_json(array_agg(y)), '[]')
      from
        (select upper(r2.priority) as "priority", case when r2.response_us < 0 then '-' else '' end || make_interval(hours => (abs(r2.response_us) / 3600000000)::integer, secs => (abs(r2.response_us) % 3600000000) / 1e6::float8)::text as "response", case when r2.resolution_us < 0 then '-' else '' end || make_interval(hours => (abs(r2.resolution_us) / 3600000000)::integer, secs => (abs(r2.resolution_us) % 3600000000) / 1e6::float8)::text as "resolution"
        from json_to_recordset(r1.targets) r2(priority text, service text, kind text, response_us bigint, next_response_us bigint, update_us bigint, resolution_us bigint, others json)) y) as "targets", (r1.warn_at_percent) as "warnAtPercent"
    from policies r1
    where r1.id = $1::uuid) y)::text, 'UTF8')
