import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/** The pool. */
final class Database implements AutoCloseable {
  private final HikariDataSource source;

  /** Opens all connections, which HikariCP else does in the background. */
  Database(Options options, String uri) throws SQLException {
    if (options.prePing) {
      // HikariCP validates a connection only if its last use is more than so many milliseconds ago. Less than 0, not 0:
      // one that was used within this very millisecond is to be validated too.
      System.setProperty("com.zaxxer.hikari.aliveBypassWindowMs", "-1");
    }
    source = new HikariDataSource(config(options, uri));
    List<Connection> opened = new ArrayList<>();
    try {
      for (int i = 0; i < options.connections; ++i)
        opened.add(source.getConnection());
    } finally {
      for (Connection connection : opened)
        connection.close();
    }
  }

  /** Takes a connection out of the pool; closing it puts it back. */
  Connection take() throws SQLException {
    return source.getConnection();
  }

  @Override
  public void close() {
    source.close();
  }

  private static HikariConfig config(Options options, String text) {
    if (text == null || text.isEmpty())
      throw new IllegalArgumentException("DATABASE_URI is not set");
    URI uri = URI.create(text);
    if (!"mysql".equals(uri.getScheme()) || uri.getRawUserInfo() == null)
      throw new IllegalArgumentException("DATABASE_URI is not mysql://user:password@host:port/database");
    String[] login = uri.getRawUserInfo().split(":", 2);
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(String.format("jdbc:mariadb://%s:%d%s", uri.getHost(), uri.getPort() < 0 ? 3306 : uri.getPort(),
        uri.getRawPath()));
    config.setUsername(decode(login[0]));
    config.setPassword(login.length > 1 ? decode(login[1]) : "");
    config.setMaximumPoolSize(options.connections);
    String socket = parameter(uri, "unix_socket");
    if (socket != null) {
      requireUnixSockets();
      config.addDataSourceProperty("localSocket", socket);
    }
    if (options.prepared) {
      config.addDataSourceProperty("useServerPrepStmts", "true");
      config.addDataSourceProperty("cachePrepStmts", "true");
    }
    // Else each transaction would ask the server to switch it off, and on again.
    if (options.workload.equals("transaction"))
      config.setAutoCommit(false);
    return config;
  }

  /** Connector/J has no unix sockets of its own: it needs JNA. */
  private static void requireUnixSockets() {
    try {
      Class.forName("com.sun.jna.Native");
    } catch (ClassNotFoundException | LinkageError error) {
      throw new UnsupportedOperationException("needs the package libjna-java for unix sockets");
    }
  }

  private static String parameter(URI uri, String name) {
    if (uri.getRawQuery() == null)
      return null;
    for (String part : uri.getRawQuery().split("&")) {
      if (part.startsWith(name + "="))
        return decode(part.substring(name.length() + 1));
    }
    return null;
  }

  /** Percent-decodes. URLDecoder is for forms, where a plus is a space. */
  private static String decode(String text) {
    return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
  }
}
