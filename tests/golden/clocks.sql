-- the columns are slaClocks
select convert_to(
  (select row_to_json(y)
  from
    (select
      (select coalesce(array_to_json(array_agg(y)), '[]')
      from
        (select upper(r1.kind) as "kind", case when r1.target_us < 0 then '-' else '' end || make_interval(hours => (abs(r1.target_us) / 3600000000)::integer, secs => (abs(r1.target_us) % 3600000000) / 1e6::float8)::text as "target", case when (r1.counted_us + case when r1.counting_since is null then 0 when r1.calendar_id is not null then pet.not_in_sql('business time') else greatest(extract(epoch from $3::timestamptz - r1.counting_since) * 1000000, 0)::bigint end) < 0 then '-' else '' end || make_interval(hours => (abs((r1.counted_us + case when r1.counting_since is null then 0 when r1.calendar_id is not null then pet.not_in_sql('business time') else greatest(extract(epoch from $3::timestamptz - r1.counting_since) * 1000000, 0)::bigint end)) / 3600000000)::integer, secs => (abs((r1.counted_us + case when r1.counting_since is null then 0 when r1.calendar_id is not null then pet.not_in_sql('business time') else greatest(extract(epoch from $3::timestamptz - r1.counting_since) * 1000000, 0)::bigint end)) % 3600000000) / 1e6::float8)::text as "elapsed", case when (r1.target_us - (r1.counted_us + case when r1.counting_since is null then 0 when r1.calendar_id is not null then pet.not_in_sql('business time') else greatest(extract(epoch from $3::timestamptz - r1.counting_since) * 1000000, 0)::bigint end)) < 0 then '-' else '' end || make_interval(hours => (abs((r1.target_us - (r1.counted_us + case when r1.counting_since is null then 0 when r1.calendar_id is not null then pet.not_in_sql('business time') else greatest(extract(epoch from $3::timestamptz - r1.counting_since) * 1000000, 0)::bigint end))) / 3600000000)::integer, secs => (abs((r1.target_us - (r1.counted_us + case when r1.counting_since is null then 0 when r1.calendar_id is not null then pet.not_in_sql('business time') else greatest(extract(epoch from $3::timestamptz - r1.counting_since) * 1000000, 0)::bigint end))) % 3600000000) / 1e6::float8)::text as "remaining", r1.due_at as "dueAt", coalesce(
          (select row_to_json(y)
          from
            (select r2.subject as "subject"
            from tickets r2
            where r2.id = r1.ticket_id) y), ('no ' || r1.ticket_id)::json) as "ticket"
        from sla_clocks r1
        where r1.state = any($1::VARCHAR[]) and r1.breached_at is null
        order by r1.started_at desc, r1.id desc
        limit $2::bigint) y) as "nodes") y)::text, 'UTF8')
