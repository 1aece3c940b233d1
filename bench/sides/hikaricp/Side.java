import java.util.Locale;

/** The benchmark's side for the JVM: HikariCP on MariaDB Connector/J, its pool shared by threads. See ../README.md. */
public final class Side {
  private static final int FAILED = 1;
  private static final int DOES_NOT_APPLY = 3;

  private Side() {
  }

  public static void main(String[] arguments) {
    // Ends other threads too: after an error some may still wait for the pool.
    System.exit(run(arguments));
  }

  private static int run(String[] arguments) {
    try {
      Options options = Options.parse(arguments);
      try (Database database = new Database(options, System.getenv("DATABASE_URI"))) {
        System.out.println(toJson(Round.measure(Workload.of(options, database), options)));
      }
      return 0;
    } catch (UnsupportedOperationException error) {
      return complain(error, DOES_NOT_APPLY);
    } catch (Exception error) {
      return complain(error, FAILED);
    } catch (OutOfMemoryError error) { // So many callers that the machine has no thread for each, for example.
      return complain(error, FAILED);
    }
  }

  private static int complain(Throwable error, int code) {
    // HikariCP wraps what the driver has to say.
    Throwable cause = error;
    while (cause.getCause() != null && cause.getCause().getMessage() != null)
      cause = cause.getCause();
    String text = cause.getMessage() == null ? cause.toString() : cause.getMessage();
    System.err.println("hikaricp: " + text.lines().findFirst().orElse(cause.toString()));
    return code;
  }

  private static String toJson(Round.Figures figures) {
    String common = String.format(Locale.ROOT,
        "\"operations\": %d, \"seconds\": %.4f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"cpu_ms\": %.1f",
        figures.operations(), figures.seconds(), figures.p50Us(), figures.p99Us(), figures.cpuMs());
    String further = figures.recovery() == null ? ""
        : String.format(Locale.ROOT, ", \"resumed_at\": %.6f, \"errors\": %d", figures.recovery().resumedAt(),
            figures.recovery().errors());
    return "{" + common + further + "}";
  }
}
