#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# ratios.sh BASE: reads lines "WAY COLUMN VALUE" and prints, for each way and column, the median and
# its ratio to BASE's.
awk -v base="$1" '
NF == 3 && $3 ~ /^[0-9.]+$/ {
    if (!($1 in way_seen)) { way_seen[$1] = 1; ways[++n_ways] = $1 }
    if (!($2 in column_seen)) { column_seen[$2] = 1; columns[++n_columns] = $2 }
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
# Rounds to four significant digits; a number from 1000 on keeps all digits before the point.
function figure(value) {
    if (value >= 1000 || value == int(value)) return sprintf("%.0f", value)
    return sprintf("%.*f", value >= 100 ? 1 : value >= 10 ? 2 : 3, value)
}
END {
    printf "%-10s", "way"
    for (c = 1; c <= n_columns; ++c) printf " %12s %8s", columns[c], "ratio"
    printf "\n"
    for (w = 1; w <= n_ways; ++w) {
        printf "%-10s", ways[w]
        for (c = 1; c <= n_columns; ++c) {
            if (!count[ways[w], columns[c]]) { printf " %12s %8s", "-", "-"; continue }
            value = median(ways[w], columns[c])
            first = count[base, columns[c]] ? median(base, columns[c]) : 0
            printf " %12s %8s", figure(value), (first > 0 ? sprintf("%.2f", value / first) : "-")
        }
        printf "\n"
    }
}'
