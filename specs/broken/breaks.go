package broken

import (
	"strconv"
	"strings"
	"sync"

	"github.com/riptidecrawler/coordkit/specs"
)

var identifiers = sync.OnceValue(func() (ids []string) {
	for _, b := range specs.Behaviours() {
		ids = append(ids, b.ID)
	}
	return ids
})

// breaks returns the identifiers that a text names: "close-*" for all of a theme,
// "close-2..4" for some that follow one another.
func breaks(text string) (ids []string) {
	for named := range strings.FieldsSeq(text) {
		theme, numbers, _ := strings.Cut(named, "-")
		first, last, isRange := strings.Cut(numbers, "..")
		switch {
		case numbers == "*":
			for _, id := range identifiers() {
				if strings.HasPrefix(id, theme+"-") {
					ids = append(ids, id)
				}
			}
		case isRange:
			from, _ := strconv.Atoi(first)
			to, _ := strconv.Atoi(last)
			for i := from; i <= to; i++ {
				ids = append(ids, theme+"-"+strconv.Itoa(i))
			}
		default:
			ids = append(ids, named)
		}
	}
	return ids
}
