package gm

import (
	"slices"
	"strings"
)

const (
	diffCells   = 4 << 20 // of the table that compares lines; larger texts are shown as wholly another
	diffContext = 3       // lines around a change that are shown
)

// A diffLine is a line of two texts: Mark is "-" of the first, "+" of the second, " " of both and "…" where lines of both are left out.
type diffLine struct{ Mark, Text string }

// diffLines is what makes the second text of the first, with a few lines around.
func diffLines(before, after string) []diffLine {
	all := compare(lines(before), lines(after))
	var list []diffLine
	for i, line := range all {
		near := slices.ContainsFunc(all[max(0, i-diffContext):min(len(all), i+diffContext+1)], func(l diffLine) bool { return l.Mark != " " })
		switch {
		case near:
			list = append(list, line)
		case len(list) == 0 || list[len(list)-1].Mark != "…":
			list = append(list, diffLine{"…", ""})
		}
	}
	return list
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// compare is every line of both, by a longest common subsequence of what is between what they begin and end with.
func compare(a, b []string) (list []diffLine) {
	add := func(mark string, lines ...string) {
		for _, l := range lines {
			list = append(list, diffLine{mark, l})
		}
	}
	begin := 0
	for begin < len(a) && begin < len(b) && a[begin] == b[begin] {
		begin++
	}
	end := 0
	for end < len(a)-begin && end < len(b)-begin && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	add(" ", a[:begin]...)
	tail := a[len(a)-end:]
	a, b = a[begin:len(a)-end], b[begin:len(b)-end]
	if (len(a)+1)*(len(b)+1) > diffCells {
		add("-", a...)
		add("+", b...)
		add(" ", tail...)
		return list
	}
	width := len(b) + 1
	common := make([]int32, (len(a)+1)*width) // of a from i on and b from j on
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i*width+j] = common[(i+1)*width+j+1] + 1
			} else {
				common[i*width+j] = max(common[(i+1)*width+j], common[i*width+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			add(" ", a[i])
			i, j = i+1, j+1
		case common[(i+1)*width+j] >= common[i*width+j+1]:
			add("-", a[i])
			i++
		default:
			add("+", b[j])
			j++
		}
	}
	add("-", a[i:]...)
	add("+", b[j:]...)
	add(" ", tail...)
	return list
}
