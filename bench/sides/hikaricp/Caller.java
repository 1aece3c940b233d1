import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/** A closed loop. Each caller keeps what it measured to itself until the round is over. */
final class Caller extends Thread {
  private static final long PAUSE_MS = 5; // After an error, if the caller goes on at all.

  private final int number;
  private final Workload workload;
  private final Round round;
  private final boolean throughErrors;

  /** Nanoseconds. */
  final Numbers latencies = new Numbers();
  /** System.nanoTime() of each answer: only kept by a caller that goes on through errors. */
  final Numbers answers = new Numbers();
  int errors = 0;

  Caller(int number, Workload workload, Round round, boolean throughErrors) {
    this.number = number;
    this.workload = workload;
    this.round = round;
    this.throughErrors = throughErrors;
    setDaemon(true);
  }

  @Override
  public void run() {
    try {
      Random numbers = new Random(number);
      round.awaitBegin();
      while (round.stage() != Round.Stage.OVER)
        ask(numbers);
    } catch (Throwable error) {
      // When it is over, to be interrupted is no failure.
      if (round.stage() != Round.Stage.OVER)
        round.fail(error);
    }
  }

  private void ask(Random numbers) throws Exception {
    long asked = System.nanoTime();
    try {
      workload.operate(number, numbers);
    } catch (Exception error) {
      if (!throughErrors)
        throw error;
      if (round.stage() == Round.Stage.MEASURING)
        ++errors;
      TimeUnit.MILLISECONDS.sleep(PAUSE_MS);
      return;
    }
    long answered = System.nanoTime();
    if (round.stage() != Round.Stage.MEASURING)
      return;
    latencies.add(answered - asked);
    if (throughErrors)
      answers.add(answered);
  }

  /** A list that grows, without an object for each number. */
  static final class Numbers {
    private long[] values = new long[64];
    private int size = 0;

    void add(long value) {
      if (size == values.length)
        values = Arrays.copyOf(values, 2 * size);
      values[size++] = value;
    }

    long[] toArray() {
      return Arrays.copyOf(values, size);
    }
  }
}
