import java.io.*;
import java.net.*;
import java.nio.file.*;
import java.util.*;
import java.util.stream.Stream;

/** Runs the main classes of Kafka's tools in this process, in a class loader of their own (they come in another release), and takes what they print. */
final class Tools {
    private static ClassLoader loader;

    private Tools() {}

    private static ClassLoader loader() throws Exception {
        if (loader == null) {
            try (Stream<Path> jars = Files.list(Path.of(System.getProperty("tools.libs")))) {
                List<URL> urls = new ArrayList<>();
                for (Path jar : jars.filter(one -> one.toString().endsWith(".jar")).toList()) urls.add(jar.toUri().toURL());
                loader = new URLClassLoader(urls.toArray(new URL[0]), ClassLoader.getPlatformClassLoader());
            }
        }
        return loader;
    }

    static List<String> run(String mainClass, String... arguments) throws Exception {
        PrintStream out = System.out, err = System.err;
        ByteArrayOutputStream taken = new ByteArrayOutputStream();
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        try (PrintStream here = new PrintStream(taken, true, "UTF-8")) {
            System.setOut(here);
            System.setErr(here);
            thread.setContextClassLoader(loader());
            Class.forName(mainClass, true, loader()).getMethod("main", String[].class).invoke(null, (Object) arguments);
        } catch (java.lang.reflect.InvocationTargetException error) {
            throw new AssertionError(mainClass + " fails: " + error.getCause(), error.getCause());
        } finally {
            System.setOut(out);
            System.setErr(err);
            thread.setContextClassLoader(before);
        }
        return taken.toString("UTF-8").lines().filter(line -> !line.startsWith("SLF4J")).toList();
    }

    /** What a console consumer prints of an internal topic with one of Kafka's formatters. It ends when nothing came for a while. */
    static List<String> printed(String bootstrap, String topic, String formatter) throws Exception {
        for (int patienceMs = 3000;; patienceMs *= 3) {
            List<String> lines = run("org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", bootstrap, "--topic", topic,
                "--from-beginning", "--timeout-ms", String.valueOf(patienceMs), "--formatter", "org.apache.kafka.tools.consumer." + formatter);
            if (patienceMs > 20_000 || !lines.contains("Processed a total of 0 messages")) return lines;
        }
    }
}
