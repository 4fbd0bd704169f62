import java.nio.file.*;
import java.util.*;
import java.util.function.Predicate;
import java.util.regex.*;
import java.util.stream.Stream;

/**
 * Kafka's own DumpLogSegments over every file in the log directories of a broker. It must understand all and complain of nothing; and what it
 * prints must be what clients read: the same offsets, without gaps but where a log is compacted.
 */
final class Dump {
    private static final String DUMP = "org.apache.kafka.tools.DumpLogSegments";
    private static final Pattern COMPLAINT = Pattern.compile(
        "Mismatches in|Found timestamp|Found out of order|isvalid: false|Exception|Error|WARN|[Uu]nknown|[Cc]orrupt|[Ii]gnoring|Could not|trailing|skipping|unparsable");
    private static final Pattern BATCH = Pattern.compile("baseOffset: (\\d+) lastOffset: (\\d+) count: (\\d+) .*");
    private static final Pattern GAP = Pattern.compile(" *(-?\\d+) is followed by (\\d+).*");
    private static final Pattern RECORD = Pattern.compile("\\| offset: (\\d+) [^\\n]*", Pattern.DOTALL);
    private static final Pattern PAYLOAD = Pattern.compile(" (key|payload): .*", Pattern.DOTALL);
    private static final List<String> DUMPED = List.of(".log", ".index", ".timeindex", ".txnindex", ".snapshot", ".checkpoint");

    private static final Map<String, String> DECODERS = Map.of("__consumer_offsets", "--offsets-decoder", "__transaction_state",
        "--transaction-log-decoder", "__cluster_metadata", "--cluster-metadata-decoder", "__share_group_state", "--share-group-state-decoder");

    private Dump() {}

    /** Dumps all that lies there. `seen`: what clients saw when it was written; `closed`: whether indexes are complete. */
    static void everything(List<Path> directories, Picture seen, boolean closed) throws Exception {
        int files = 0;
        for (Path directory : directories) {
            for (Path log : children(directory, one -> Files.isDirectory(one) && !one.toString().endsWith("-delete"))) {
                files += logDirectory(log, seen, closed);
            }
        }
        Writing.holds("many files are dumped: " + files, files > (closed ? 100 : 25));
    }

    private static int logDirectory(Path log, Picture seen, boolean closed) throws Exception {
        List<Path> files = children(log, one -> DUMPED.stream().anyMatch(one.toString()::endsWith)
            && (closed || !one.toString().endsWith("index") || one.toString().endsWith(".txnindex"))); // a killed broker's are not complete
        if (files.isEmpty()) return 0;
        String partition = log.getFileName().toString(), topic = partition.substring(0, partition.lastIndexOf('-'));
        boolean compacted = topic.startsWith("compacted") || topic.equals("__consumer_offsets") || topic.equals("__transaction_state");
        String decoder = DECODERS.getOrDefault(topic, "--print-data-log");
        SortedSet<Long> offsets = judge(dump(files, decoder, "--deep-iteration"), partition, compacted);
        List<Path> indexes = files.stream().filter(one -> one.toString().matches(".*\\.(time)?index")).toList();
        if (closed && !indexes.isEmpty()) {
            judge(dump(indexes, "--index-sanity-check"), partition, compacted);
            judge(dump(indexes, "--verify-index-only"), partition, compacted);
        }
        if (!topic.startsWith("__") && !compacted) sameOffsets(partition, offsets, seen);
        return files.size();
    }

    private static List<Path> children(Path directory, Predicate<Path> wanted) throws Exception {
        try (Stream<Path> found = Files.list(directory)) {
            return found.filter(wanted).sorted().toList();
        }
    }

    private static Map<Path, List<String>> dump(List<Path> files, String... options) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(options));
        arguments.addAll(List.of("--files", String.join(",", files.stream().map(Path::toString).toList())));
        Map<Path, List<String>> printed = new LinkedHashMap<>();
        List<String> current = new ArrayList<>();
        for (String line : Tools.run(DUMP, arguments.toArray(new String[0]))) {
            if (line.startsWith("Dumping ")) printed.put(Path.of(line.substring(8)), current = new ArrayList<>());
            else current.add(line);
        }
        Writing.same(new TreeSet<>(files), new TreeSet<>(printed.keySet()));
        return printed;
    }

    /** No complaint anywhere, batches one behind the other; the offsets of the data records. */
    private static SortedSet<Long> judge(Map<Path, List<String>> printed, String partition, boolean compacted) {
        SortedSet<Long> offsets = new TreeSet<>();
        long next = -1;
        for (Map.Entry<Path, List<String>> file : printed.entrySet()) {
            for (String line : file.getValue()) {
                String head = PAYLOAD.matcher(line).replaceFirst("");
                Matcher gap = GAP.matcher(head);
                boolean misses = !compacted && gap.matches() && !gap.group(1).equals("-1"); // said of each first record that is not the topic's first
                if (misses || COMPLAINT.matcher(head).find()) throw new AssertionError(file.getKey() + ": " + line);
                Matcher batch = BATCH.matcher(line), record = RECORD.matcher(head);
                if (file.getKey().toString().endsWith(".log") && batch.matches()) {
                    long base = Long.parseLong(batch.group(1));
                    boolean follows = next < 0 || (compacted ? base >= next : base == next);
                    if (!follows) throw new AssertionError(file.getKey() + ": expected " + next + " next: " + line);
                    next = Long.parseLong(batch.group(2)) + 1;
                } else if (record.matches() && !head.contains("endTxnMarker")) {
                    offsets.add(Long.parseLong(record.group(1)));
                }
            }
        }
        return offsets;
    }

    private static void sameOffsets(String partition, SortedSet<Long> offsets, Picture seen) {
        SortedSet<Long> read = new TreeSet<>();
        seen.sections.get("records").keySet().forEach(key -> {
            if (key.startsWith(partition + " ")) read.add(Long.parseLong(key.substring(partition.length() + 1)));
        });
        SortedSet<Long> kept = read.isEmpty() ? offsets : offsets.tailSet(read.first()); // what DeleteRecords took may still lie there
        if (!read.isEmpty() && !read.equals(kept)) throw new AssertionError(partition + ": dumped " + kept.size() + " records, clients read " + read.size());
    }

    // --- the formatters of the console consumer

    static void formatters(String bootstrap) throws Exception {
        List<String> offsets = Tools.printed(bootstrap, "__consumer_offsets", "OffsetsMessageFormatter");
        has(offsets, "\"group\":\"by-hand\"", "\"offset\":33");
        has(offsets, "\"group\":\"group-0\"", "\"metadata\":\"seventeen");
        has(Tools.printed(bootstrap, "__consumer_offsets", "GroupMetadataMessageFormatter"), "\"group\":\"classic\"", "\"groupInstanceId\":\"static-1\"");
        List<String> transactions = Tools.printed(bootstrap, "__transaction_state", "TransactionLogMessageFormatter");
        has(transactions, "\"transactionalId\":\"done-0\"", "transactionStatus");
        has(transactions, "\"transactionalId\":\"to-commit-0\"", "\"topic\":\"transactional-0\"");
    }

    private static void has(List<String> lines, String... words) {
        if (lines.stream().noneMatch(line -> Stream.of(words).allMatch(line::contains))) {
            throw new AssertionError("no line with " + List.of(words) + " of " + lines.size() + ": " + lines.subList(0, Math.min(2, lines.size())));
        }
    }
}
