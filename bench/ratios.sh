#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Reads lines "WAY COLUMN VALUE" and prints, for each way and column, the median, and its ratio to
# the first way's.
awk '
NF == 3 && $3 ~ /^[0-9.]+$/ {
    if (!($1 in way_seen)) { way_seen[$1]; ways[++n_ways] = $1 }
    if (!($2 in column_seen)) { column_seen[$2]; columns[++n_columns] = $2 }
    values[$1, $2, ++count[$1, $2]] = $3
}
function median(way, column,    n, i, j, list, swap) {
    n = count[way, column]
    for (i = 1; i <= n; ++i) list[i] = values[way, column, i]
    for (i = 1; i <= n; ++i)
        for (j = i + 1; j <= n; ++j)
            if (list[j] < list[i]) { swap = list[i]; list[i] = list[j]; list[j] = swap }
    return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}
END {
    printf "%-10s", "way"
    for (c = 1; c <= n_columns; ++c) printf " %12s %7s", columns[c], "of " ways[1]
    printf "\n"
    for (w = 1; w <= n_ways; ++w) {
        printf "%-10s", ways[w]
        for (c = 1; c <= n_columns; ++c) {
            first = median(ways[1], columns[c])
            if (!count[ways[w], columns[c]]) { printf " %12s %7s", "-", "-"; continue }
            value = median(ways[w], columns[c])
            printf " %12.0f %7.2f", value, (first > 0 ? value / first : 0)
        }
        printf "\n"
    }
}'
