import java.nio.file.*;
import java.util.*;
import java.util.concurrent.TimeUnit;

/** A broker of the suite's own, with its data on disk, that comes back on the same port. */
final class Broker implements AutoCloseable {
    private final Path directory = Files.createTempDirectory("broker");
    private final Path ready = directory.resolve("ready");
    private Process process;
    String bootstrap = "127.0.0.1:0";

    Broker() throws Exception {
        start();
    }

    /** Says whether this machine can start one: the runner gives the interpreter unless the broker under test is someone else's. */
    static boolean possible() {
        return System.getenv("BROKER_PYTHON") != null;
    }

    void start() throws Exception {
        Files.deleteIfExists(ready);
        List<String> command = List.of(
            System.getenv("BROKER_PYTHON"), "-m", "pybroker", "--listen", bootstrap, "--data-dir", directory.resolve("data").toString(),
            "--ready-file", ready.toString(), "--set", "group.initial.rebalance.delay.ms=0");
        process = new ProcessBuilder(command).directory(Path.of(System.getenv("BROKER_ROOT")).toFile()).redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(directory.resolve("log").toFile())).start();
        for (int i = 0; i < 400 && (!Files.exists(ready) || Files.size(ready) == 0); i++) Thread.sleep(50);
        if (!Files.exists(ready)) throw new AssertionError("the broker does not start: " + Files.readString(directory.resolve("log")));
        bootstrap = Files.readAllLines(ready).get(0);
    }

    void stop() throws Exception {
        process.destroy();
        if (!process.waitFor(20, TimeUnit.SECONDS)) throw new AssertionError("the broker does not stop");
    }

    void kill() throws Exception {
        process.destroyForcibly().waitFor();
    }

    @Override
    public void close() throws Exception {
        kill();
    }
}
