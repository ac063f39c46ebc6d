#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hidden-characters.sh: compares the table in core/base/hidden_characters.hpp with the Unicode database of perl, and
# prints what differs. With the argument "print" it prints the lines of the table.
set -eu
cd "$(dirname "$0")/.."

table() {
    perl -e '
        my ($first, $last);
        for my $code (0x80 .. 0x110000) {
            next if $code >= 0xD800 && $code <= 0xDFFF;
            my $hidden = $code < 0x110000 &&
                chr($code) =~ /[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Zl}\p{Zp}]/;
            if ($hidden) { $first //= $code; $last = $code; next }
            printf("    {0x%04X, 0x%04X},\n", $first, $last) if defined $first;
            undef $first;
        }'
}

[ "${1:-}" != print ] || {
    table
    exit
}
ours=$(sed -n 's/.*Unicode \([0-9.]*[0-9]\)\..*/\1/p' core/base/hidden_characters.hpp)
theirs=$(perl -MUnicode::UCD -e 'print Unicode::UCD::UnicodeVersion()' 2>/dev/null) || theirs=none
if [ "$ours" != "${theirs%.0}" ]; then
    echo "hidden-characters.sh: skipped: the table is of Unicode $ours, perl has $theirs"
    exit 0
fi
expected=$(mktemp)
trap 'rm -f "$expected"' EXIT
table >"$expected"
grep '^    {0x' core/base/hidden_characters.hpp | diff - "$expected"
echo "hidden-characters.sh: $(wc -l <"$expected") ranges, all there"
