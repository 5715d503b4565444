CREATE TABLE people (
    id INTEGER PRIMARY KEY, age INTEGER, email VARCHAR, city VARCHAR, born DATE, consent BOOLEAN, score DOUBLE, tags VARCHAR[]
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, person_id INTEGER, age INTEGER, code VARCHAR, amount DECIMAL(10, 2), weight FLOAT, ordered_at TIMESTAMP
);
CREATE TABLE items (order_id INTEGER, line INTEGER, amount DECIMAL(10, 2), PRIMARY KEY (order_id, line));
