package chart

import (
	"sort"
	"strings"

	"gonum.org/v1/plot/text"
)

// clean replaces what XML does not allow: control characters by spaces, invalid UTF-8 by question marks.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0xfffe || r == 0xffff {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// width returns the width of s in CSS pixels. Liberation Sans has no Chinese characters; in any font they are square.
func width(s string, sty text.Style) float64 {
	squares := 0
	narrow := strings.Map(func(r rune) rune {
		if r >= 0x2e80 && r <= 0x9fff || r >= 0xff00 && r <= 0xff60 {
			squares++
			return -1
		}
		return r
	}, clean(s))
	return float64(sty.Width(narrow)) + float64(squares)*float64(sty.Font.Size)
}

// fit shortens s with an ellipsis until it is no wider than max.
func fit(s string, sty text.Style, max float64) string {
	if width(s, sty) <= max {
		return s
	}
	runes := []rune(s)
	n := sort.Search(len(runes), func(n int) bool { return width(string(runes[:n])+"…", sty) > max })
	return string(runes[:n-min(n, 1)]) + "…"
}

// wrap breaks s into lines at its newlines and, where a line is wider than max, at its spaces.
func wrap(s string, sty text.Style, max float64) []string {
	var lines []string
	for part := range strings.SplitSeq(s, "\n") {
		line := ""
		for i, word := range strings.Fields(part) {
			if i > 0 && width(line+" "+word, sty) > max {
				lines, line = append(lines, line), ""
			}
			line = strings.TrimLeft(line+" "+word, " ")
		}
		lines = append(lines, line)
	}
	return lines
}
