# Prints how much of a package's statements a coverage profile covers, and where
# some are not, and fails unless all are. Use: awk -v package=PATH -f coverage.awk PROFILE
index($1, package "/") == 1 && substr($1, length(package) + 2) !~ /\/.*:/ {
	statements[$1] = $2
	if ($3 > 0) covered[$1] = 1
}
END {
	for (block in statements) {
		total += statements[block]
		if (block in covered) hit += statements[block]
		else print "not covered: " block
	}
	if (!total) { print "no statement of " package " in the profile"; exit 1 }
	printf "coverage of %s: %.1f%% of %d statements\n", package, 100 * hit / total, total
	exit hit < total
}
