-- The two functions by which names and times are compared.

-- The form in which names are compared: without case, invisible marks and superfluous spaces, and
-- with one kind of apostrophe and of hyphen. Indexes rest on it, so its body must never change: a
-- new rule needs a new name. It must never raise, or no row could be written: so it does without
-- normalize() where the encoding is not UTF8. Compare its results with collate "C", since
-- PostgreSQL can't derive a collation for them.
do $$
declare
  spaces constant text := '\t\n\x0b\f\r\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008'
    '\u2009\u200a\u2028\u2029\u202f\u205f\u3000';
  apostrophes constant text := '`\u00b4\u02b9\u02bb\u02bc\u2018\u2019\u201b\u2032\uff07';
  hyphens constant text := '\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d';
  -- translate() removes what it has no replacement for.
  invisible constant text := '\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e'
    '\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f'
    '\ufe00\ufe01\ufe02\ufe03\ufe04\ufe05\ufe06\ufe07\ufe08\ufe09\ufe0a\ufe0b\ufe0c\ufe0d\ufe0e\ufe0f\ufeff';
  folded text := $body$translate(value, E'\t\n\x0b\f\r`', '     ''')$body$;
begin
  if to_regprocedure('booking_fold(text)') is not null then
    return;
  end if;
  if getdatabaseencoding() = 'UTF8' then
    folded := format('normalize(translate(value, E''%s'', %L))', spaces || apostrophes || hyphens || invisible,
                     repeat(' ', 24) || repeat('''', 10) || repeat('-', 10));
  end if;
  execute format('create function booking_fold(value text) returns text language sql immutable parallel safe '
                 'return btrim(regexp_replace(lower(%s collate "default"), '' +'', '' '', ''g''))', folded);
end
$$;

-- The time that an appointment occupies, its buffers included: in the exclusion constraint, and in
-- each query that asks whether a time is free. It is in UTC, since a range of timestamptz can't be
-- built by an immutable expression. Without the coalesce an appointment of unknown length would
-- block all time after it. Its body must never change, as that of booking_fold.
do $$
begin
  if to_regprocedure('booking_span(timestamptz, integer, integer, integer)') is null then
    create function booking_span(
      scheduled_at timestamptz, duration_minutes integer, buffer_before_minutes integer, buffer_after_minutes integer
    ) returns tsrange language sql immutable parallel safe
    return tsrange(
      (scheduled_at at time zone 'UTC') - make_interval(mins => buffer_before_minutes),
      (scheduled_at at time zone 'UTC') + make_interval(mins => coalesce(duration_minutes, 30) + buffer_after_minutes)
    );
  end if;
end
$$;
