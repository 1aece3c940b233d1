-- The tables of the benchmark; bench/sides/README.md says what is in them. Run again to make them anew.

CREATE OR REPLACE TABLE bench_point (
  id INT PRIMARY KEY,
  title VARCHAR(100) NOT NULL,
  link VARCHAR(200) NOT NULL,
  chapters INT NOT NULL
) ENGINE=InnoDB CHARACTER SET utf8mb4;

-- Titles of different lengths and beyond ASCII, as real ones are.
INSERT INTO bench_point
SELECT seq, CONCAT('Manga no. ', seq, REPEAT('~', seq % 40), ' 漫画'),
       CONCAT('https://manga.example/title/', seq, '/a-slug-of-usual-length'), 1 + seq * 7 % 900
FROM seq_1_to_10000;

CREATE OR REPLACE TABLE bench_account (id INT PRIMARY KEY, balance INT NOT NULL) ENGINE=InnoDB;
INSERT INTO bench_account SELECT seq, 0 FROM seq_1_to_10000;

CREATE OR REPLACE TABLE bench_entry (id INT AUTO_INCREMENT PRIMARY KEY, account INT NOT NULL) ENGINE=InnoDB;

CREATE OR REPLACE TABLE bench_large (
  id INT PRIMARY KEY,
  body VARCHAR(1000) NOT NULL
) ENGINE=InnoDB CHARACTER SET utf8mb4;
INSERT INTO bench_large SELECT seq, RPAD(CONCAT(seq, ' '), 1000, 'all work and no play ') FROM seq_1_to_10000;
