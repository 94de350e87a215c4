import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityType;

/**
 * Compares the verdicts of the const check with Java's SchemaCompatibility.
 *
 * <pre>java -cp … Agreement.java PAIRS.jsonl</pre>
 *
 * `agreement export` writes PAIRS.jsonl and documents its format. A verdict that differs from the const
 * check's passes only if it is expected, with the reasons, which tests/src/pairs/deviations.rs explains.
 */
public final class Agreement {
    private int compatible;
    private int agreed;
    private int failed;
    private final Map<String, Integer> explained = new TreeMap<>();

    public static void main(String[] arguments) throws IOException {
        Agreement agreement = new Agreement();
        ObjectMapper json = new ObjectMapper();
        int pairs = 0;
        try (BufferedReader lines = Files.newBufferedReader(Path.of(arguments[0]))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                agreement.judge(json.readTree(line));
                pairs++;
            }
        }
        agreement.report(pairs);
    }

    private void judge(JsonNode pair) {
        boolean ours = pair.get("reads").asBoolean();
        boolean expected = pair.get("java").get("reads").asBoolean();
        boolean reads;
        try {
            reads = reads(pair.get("reader"), pair.get("writer"));
        } catch (RuntimeException error) {
            fail(pair, error.toString());
            return;
        }
        compatible += ours ? 1 : 0;
        if (reads != expected) {
            fail(pair, "Java says " + reads);
        } else if (reads == ours) {
            agreed++;
        } else {
            explained.merge(pair.get("java").get("reasons").toString(), 1, Integer::sum);
        }
    }

    private static boolean reads(JsonNode reader, JsonNode writer) {
        return SchemaCompatibility.checkReaderWriterCompatibility(parse(reader), parse(writer)).getType()
                == SchemaCompatibilityType.COMPATIBLE;
    }

    private static Schema parse(JsonNode schema) {
        return new Schema.Parser().parse(schema.toString());
    }

    private void fail(JsonNode pair, String why) {
        failed++;
        System.out.printf("FAILED %s, for %s%n", why, pair);
    }

    private void report(int pairs) {
        int differing = explained.values().stream().mapToInt(Integer::intValue).sum();
        System.out.printf("Java: %d pairs, %d compatible, %d incompatible%n", pairs, compatible, pairs - compatible);
        System.out.printf("Java: %d agreed, %d disagreements explained: %s%n", agreed, differing, explained);
        // The whole comparison is one test; each pair without an explanation is a failure.
        boolean ok = failed == 0 && pairs > 0;
        System.out.printf("test result: %s. %d passed; %d failed; 0 ignored%n", ok ? "ok" : "FAILED", ok ? 1 : 0, failed);
        System.exit(ok ? 0 : 1);
    }
}
