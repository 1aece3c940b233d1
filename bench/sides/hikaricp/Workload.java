import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** What callers do again and again. */
@FunctionalInterface
interface Workload {
  String POINT = "SELECT id, title, link, chapters FROM bench_point WHERE id = ?";
  String UPDATE = "UPDATE bench_account SET balance = balance + 1 WHERE id = ?";
  String INSERT = "INSERT INTO bench_entry (account) VALUES (?)";
  String LARGE = "SELECT id, body FROM bench_large";
  int LARGE_ROWS = 10_000;
  int LARGE_BODY = 1_000;

  /**
   * Does one operation.
   *
   * @param caller the caller's number, from 1
   * @param numbers the caller's random numbers
   * @throws IllegalStateException if the answer is wrong
   */
  void operate(int caller, Random numbers) throws SQLException;

  static Workload of(Options options, Database database) {
    return switch (options.workload) {
      case "point", "recovery" -> point(database, options.rows);
      case "transaction" -> (caller, numbers) -> transaction(database, caller);
      case "large" -> (caller, numbers) -> large(database);
      case "checkout" -> (caller, numbers) -> database.take().close();
      default -> throw new IllegalArgumentException(
          "no workload " + options.workload + ": point, transaction, large, checkout, recovery");
    };
  }

  record Manga(int id, String title, String link, int chapters) {
    /** The row that must be there. */
    static Manga expected(int id) {
      return new Manga(id, "Manga no. " + id + "~".repeat(id % 40) + " 漫画",
          "https://manga.example/title/" + id + "/a-slug-of-usual-length", 1 + id * 7 % 900);
    }
  }

  private static Workload point(Database database, int rows) {
    Manga[] expected = new Manga[rows + 1];
    for (int id = 1; id <= rows; ++id)
      expected[id] = Manga.expected(id);
    return (caller, numbers) -> {
      int id = 1 + numbers.nextInt(rows);
      Manga row = read(database, id);
      if (!expected[id].equals(row))
        throw new IllegalStateException("asked for row " + id + ", got " + row);
    };
  }

  private static Manga read(Database database, int id) throws SQLException {
    try (Connection connection = database.take(); PreparedStatement statement = connection.prepareStatement(POINT)) {
      statement.setInt(1, id);
      try (ResultSet rows = statement.executeQuery()) {
        return rows.next() ? new Manga(rows.getInt(1), rows.getString(2), rows.getString(3), rows.getInt(4)) : null;
      }
    }
  }

  private static void transaction(Database database, int caller) throws SQLException {
    try (Connection connection = database.take()) {
      try {
        change(connection, UPDATE, caller);
        change(connection, INSERT, caller);
        connection.commit();
      } catch (SQLException | RuntimeException error) {
        connection.rollback();
        throw error;
      }
    }
  }

  private static void change(Connection connection, String sql, int caller) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setInt(1, caller);
      int changed = statement.executeUpdate();
      if (changed != 1)
        throw new IllegalStateException("account " + caller + ": " + changed + " rows changed by " + sql);
    }
  }

  record LargeRow(int id, String body) {
  }

  private static void large(Database database) throws SQLException {
    List<LargeRow> all = new ArrayList<>();
    try (Connection connection = database.take();
         PreparedStatement statement = connection.prepareStatement(LARGE);
         ResultSet rows = statement.executeQuery()) {
      while (rows.next())
        all.add(new LargeRow(rows.getInt(1), rows.getString(2)));
    }
    if (all.size() != LARGE_ROWS || all.stream().anyMatch(row -> row.body().length() != LARGE_BODY))
      throw new IllegalStateException(all.size() + " rows, or a body that is not " + LARGE_BODY + " bytes long");
  }
}
