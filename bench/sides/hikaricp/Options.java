import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;

/** What the command line says; ../README.md tells what it means. */
final class Options {
  String workload = "";
  int callers = 1;
  int connections = 10;
  double warmUp = 0.5; // Seconds.
  double seconds = 1;
  int rows = 10_000;
  boolean prePing = false;
  boolean prepared = false; // Statements are prepared on the server, once per connection.

  static Options parse(String[] arguments) {
    Options options = new Options();
    Deque<String> left = new ArrayDeque<>(Arrays.asList(arguments));
    while (!left.isEmpty())
      options.take(left.pop(), left);
    if (options.workload.isEmpty())
      throw new IllegalArgumentException("name a workload");
    return options;
  }

  private void take(String word, Deque<String> left) {
    switch (word) {
      case "--callers" -> callers = Integer.parseInt(value(word, left));
      case "--connections" -> connections = Integer.parseInt(value(word, left));
      case "--warm-up" -> warmUp = Double.parseDouble(value(word, left));
      case "--seconds" -> seconds = Double.parseDouble(value(word, left));
      case "--rows" -> rows = Integer.parseInt(value(word, left));
      case "--pre-ping" -> prePing = true;
      case "--prepared" -> prepared = true;
      default -> {
        if (word.startsWith("-") || !workload.isEmpty())
          throw new IllegalArgumentException("unknown argument " + word);
        workload = word;
      }
    }
  }

  private static String value(String option, Deque<String> left) {
    if (left.isEmpty())
      throw new IllegalArgumentException(option + " needs a value");
    return left.pop();
  }
}
