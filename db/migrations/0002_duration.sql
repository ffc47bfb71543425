-- How a span of microseconds is written: ISO 8601 in hours, minutes and seconds, as the GraphQL scalar writes it.
create function pet.duration(us bigint) returns text language sql immutable strict parallel safe as $$
    select case when us < 0 then '-' else '' end || 'PT' || coalesce(nullif(
        case when abs(us) >= 3600000000 then abs(us) / 3600000000 || 'H' else '' end
        || case when abs(us) / 60000000 % 60 > 0 then abs(us) / 60000000 % 60 || 'M' else '' end
        || case when abs(us) % 60000000 > 0
            then rtrim(rtrim(to_char((abs(us) % 60000000) / 1000000.0, 'FM99990.000000'), '0'), '.') || 'S' else '' end,
        ''), '0S')
$$;
