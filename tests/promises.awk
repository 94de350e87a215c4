# Reads the output of the conformance suite, run with --show-output, and prints a table of promises by
# transport: ✓ kept, – excluded by its capability, ✗ broken, · not part of this run. A transport with faults or several
# partitions has a column of its own, in which some promises only are tested.

/^test [a-z_0-9]+::[a-z_]+::[a-z_0-9]+ \.\.\. / {
    split($2, part, "::")
    transport = part[1]; promise = part[2] "::" part[3]
    if (!(transport in seen)) { seen[transport] = 1; transports[++columns] = transport }
    if (!(promise in known)) { known[promise] = 1; promises[++rows] = promise }
    cell[promise, transport] = $4 == "ok" ? "✓" : "✗"
}
/^---- .* stdout ----$/ { section = $2 }
/^skipped on / && section != "" {
    split(section, part, "::")
    cell[part[2] "::" part[3], part[1]] = "–"
}
END {
    if (!rows) { print "!! no promise was tested"; exit 1 }
    for (c = 1; c <= columns; c++) { kept[c] = tested[c] = 0; line = line sprintf("  %s", transports[c]) }
    printf "%-92s%s\n", "promise", line
    for (r = 2; r <= rows; r++)         # sorted by name, chapter by chapter
        for (i = r; i > 1 && promises[i - 1] > promises[i]; i--) {
            swap = promises[i]; promises[i] = promises[i - 1]; promises[i - 1] = swap
        }
    for (r = 1; r <= rows; r++) {
        line = ""
        for (c = 1; c <= columns; c++) {
            sign = cell[promises[r], transports[c]]
            if (sign == "") sign = "·"
            kept[c] += sign == "✓"
            tested[c] += sign != "·"
            # The signs have several bytes and one column, which %s would count wrongly.
            line = line sprintf("  %*s", length(transports[c]) - 1, "") sign
        }
        printf "%-92s%s\n", promises[r], line
    }
    line = ""
    for (c = 1; c <= columns; c++) line = line sprintf("  %*d", length(transports[c]), kept[c])
    printf "%-92s%s\n", "kept", line
    line = ""
    for (c = 1; c <= columns; c++) line = line sprintf("  %*d", length(transports[c]), tested[c])
    printf "%-92s%s\n", "of those in this run, of " rows, line
}
