-- The number of a database can be the same on two PostgreSQL servers: the first database of a new one often has
-- 16384. So the epoch also belongs to the server, its timeline, and the table. Null: not known yet.
alter table todo.feed add column origin text;
