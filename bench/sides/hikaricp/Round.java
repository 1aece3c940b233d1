import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.stream.IntStream;

/** What callers and the main thread tell each other, and what came out of it. */
final class Round {
  enum Stage {
    WARM_UP, // Operations run but do not count.
    MEASURING, // Operations that end now count.
    OVER, // Callers stop.
  }

  /** What a side prints. The last is null if it is not about recovery. */
  record Figures(int operations, double seconds, double p50Us, double p99Us, double cpuMs, Recovery recovery) {
  }

  /** The Unix time, in seconds, of the first answer after the longest time without one; and how many calls failed. */
  record Recovery(double resumedAt, int errors) {
  }

  private final CountDownLatch begin = new CountDownLatch(1);
  private final CountDownLatch failed = new CountDownLatch(1);
  private final AtomicReference<Throwable> error = new AtomicReference<>();
  private volatile Stage stage = Stage.WARM_UP;

  private Round() {
  }

  void awaitBegin() throws InterruptedException {
    begin.await();
  }

  Stage stage() {
    return stage;
  }

  void fail(Throwable why) {
    error.compareAndSet(null, why);
    failed.countDown();
  }

  /** Runs all callers through one round. */
  static Figures measure(Workload workload, Options options) throws Exception {
    boolean recovery = options.workload.equals("recovery");
    Round round = new Round();
    List<Caller> callers = IntStream.rangeClosed(1, options.callers)
        .mapToObj(number -> new Caller(number, workload, round, recovery)).toList();
    // They wait for each other: the first would otherwise slow down the start of the last.
    callers.forEach(Caller::start);
    round.begin.countDown();
    // Before the round: its first use loads much.
    OperatingSystemMXBean process = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    process.getProcessCpuTime();
    round.letPass(options.warmUp);
    System.out.println("ready");
    long cpu = process.getProcessCpuTime();
    long began = System.nanoTime();
    round.stage = Stage.MEASURING;
    round.letPass(options.seconds);
    round.stage = Stage.OVER;
    long took = System.nanoTime() - began;
    cpu = process.getProcessCpuTime() - cpu;
    // Those that still wait for the pool need not: their operation would not count.
    callers.forEach(Caller::interrupt);
    for (Caller caller : callers)
      caller.join();
    round.letPass(0); // Throws if one failed just before the end.
    return figures(callers, took, cpu, recovery);
  }

  /** Waits, unless a caller fails. */
  private void letPass(double seconds) throws Exception {
    if (failed.await((long) (seconds * 1e9), TimeUnit.NANOSECONDS))
      throw new IllegalStateException(error.get());
  }

  private static Figures figures(List<Caller> callers, long took, long cpu, boolean recovery) {
    long[] latencies = sorted(callers, caller -> caller.latencies);
    if (latencies.length == 0)
      throw new IllegalStateException("no operation ended within the round");
    Recovery recovered = recovery
        ? new Recovery(endOfLongestGap(sorted(callers, caller -> caller.answers)),
            callers.stream().mapToInt(caller -> caller.errors).sum())
        : null;
    return new Figures(latencies.length, took / 1e9, percentileUs(latencies, 0.5), percentileUs(latencies, 0.99),
        cpu / 1e6, recovered);
  }

  private static long[] sorted(List<Caller> callers, Function<Caller, Caller.Numbers> which) {
    long[] all = callers.stream().map(which).flatMapToLong(x -> Arrays.stream(x.toArray())).toArray();
    Arrays.sort(all);
    return all;
  }

  private static double percentileUs(long[] sorted, double share) {
    return sorted[(int) (share * (sorted.length - 1))] / 1e3;
  }

  private static double endOfLongestGap(long[] answers) {
    long end = answers[0];
    long longest = 0;
    for (int i = 1; i < answers.length; ++i) {
      if (answers[i] - answers[i - 1] > longest) {
        longest = answers[i] - answers[i - 1];
        end = answers[i];
      }
    }
    return System.currentTimeMillis() / 1e3 - (System.nanoTime() - end) / 1e9;
  }
}
