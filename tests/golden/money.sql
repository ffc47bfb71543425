-- the columns are obligations
select convert_to(
  (select row_to_json(y)
  from
    (select
      (select coalesce(array_to_json(array_agg(y)), '[]')
      from
        (select round(r1.amount_micros * 0.000001, greatest(min_scale(r1.amount_micros * 0.000001), 2))::text || ' ' || r1.currency as "amount", trim_scale(r1.quantity_micros * 0.000001)::text as "quantity", case when r1.effort_us < 0 then '-' else '' end || make_interval(hours => (abs(r1.effort_us) / 3600000000)::integer, secs => (abs(r1.effort_us) % 3600000000) / 1e6::float8)::text as "effort", r1.promised_by as "promisedBy"
        from obligations r1
        order by r1.opened_at desc, r1.id desc
        limit $1::bigint) y) as "nodes") y)::text, 'UTF8')
