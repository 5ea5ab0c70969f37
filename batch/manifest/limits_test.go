package manifest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Inputs that are made to hurt, and inputs that are merely too large. Each is
// answered with one sentence; that the whole test is quick is its point.
func TestLimits(t *testing.T) {
	big := strings.Repeat("x", 2<<20)
	for _, c := range []struct {
		what, in string
		want     []string
	}{
		{
			"a task of 2 MB in YAML", "name: a\njobs:\n- name: x\n  task: " + big + "\n",
			[]string{
				"1:1: is 2,097,196 bytes as JSON, more than 524,288 (" + manyJobs + ")",
				"3:3: jobs[0]: is a request of 2,097,174 bytes, more than 1,048,576 (shorten it, or let the provider fetch what it is about)",
			},
		},
		{
			"a task of 2 MB in JSON", `{"name":"a","jobs":[{"name":"x","task":"` + big + `"}]}`,
			[]string{
				"1:1: is 2,097,196 bytes as JSON, more than 524,288 (" + manyJobs + ")",
				"1:21: jobs[0]: is a request of 2,097,174 bytes, more than 1,048,576 (shorten it, or let the provider fetch what it is about)",
			},
		},
		{
			"a document of 5 MB", "name: a\n# " + strings.Repeat("x", 5<<20),
			[]string{"1:1: is 5,242,890 bytes, more than 4,194,304 (" + manyJobs + ")"},
		},
		{
			"two million values", "x: [" + strings.Repeat("1,", 2_000_000) + "]",
			[]string{"1:1: has 2,000,002 lines, commas, colons and brackets, more than 250,000 (" + manyJobs + ")"},
		},
		{
			"1001 jobs", "name: a\njobs:\n" + strings.Repeat("- {name: x, task: t}\n", 1001),
			[]string{"3:1: jobs: has 1,001 jobs, more than 1,000 (" + manyJobs + ")"},
		},
		{
			"defaults of 100 kB under each of 1000 jobs",
			"name: a\ndefaults: {img: " + big[:100_000] + "}\njobs:\n" + manyNames(1000),
			[]string{"674:3: jobs[670]: brings the jobs, each with its defaults, above 67,108,864 bytes (" + manyJobs + ")"},
		},
		{
			"a billion laughs", laughs(30),
			[]string{"21:4: u: is more than 4,194,304 bytes once its aliases are expanded (" + manyJobs + ")"},
		},
		{
			"aliases that nest", nest(70),
			[]string{"64:12: x63[0]: is nested more than 64 deep"},
		},
		{
			"aliases that are long", "name: a\njobs_from: f\nx: &x " + big[:100_000] + "\ny: [" + strings.Repeat("*x,", 50) + "]\n",
			[]string{"4:4: y: is more than 4,194,304 bytes once its aliases are expanded (" + manyJobs + ")"},
		},
		{"deep lists in YAML", "name: a\nx: " + strings.Repeat("[", 65), []string{"3:1: isn't YAML: did not find expected node content (while parsing a flow node that began in line 3)"}},
		{
			"deep and closed lists in YAML", "name: a\nx: " + strings.Repeat("[", 64) + strings.Repeat("]", 64),
			[]string{"2:67: x" + strings.Repeat("[0]", 63) + ": is nested more than 64 deep"},
		},
		{"very deep lists in YAML", "name: a\nx: " + strings.Repeat("[", 1<<17), []string{"2:132: is nested more than 64 deep"}},
		{"very deep blocks in YAML", blocks(1000), []string{"129:130: is nested more than 64 deep"}},
		{
			"deep lists in JSON", `{"x":` + strings.Repeat("[", 1<<17),
			[]string{"1:69: x" + strings.Repeat("[0]", 63) + ": is nested more than 64 deep"},
		},
		{"deep objects in JSON", strings.Repeat(`{"a":`, 100_000), []string{"1:321: a" + strings.Repeat(".a", 63) + ": is nested more than 64 deep"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			_, err := Read("f", []byte(c.in))
			if got := said(t, err); !slices.Equal(got, c.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "- {name: x%d, task: t}\n", i)
	}
	return b.String()
}

// laughs is n lines, each twice the one before.
func laughs(n int) string {
	var b strings.Builder
	b.WriteString("a: &a ha\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "%s: &%s [*%s, *%s]\n", letter(i), letter(i), letter(i-1), letter(i-1))
	}
	return b.String()
}

func letter(i int) string {
	if i < 26 {
		return string(rune('a' + i))
	}
	return "z" + letter(i-26)
}

// nest is n lines, each one level deeper than the one before.
func nest(n int) string {
	var b strings.Builder
	b.WriteString("x0: &x0 []\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "x%d: &x%d [*x%d]\n", i, i, i-1)
	}
	return b.String()
}

func blocks(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// What is just inside a limit passes.
func TestWithinLimits(t *testing.T) {
	for what, in := range map[string]string{
		"1000 jobs":           "name: a\njobs:\n" + manyNames(1000),
		"64 deep in YAML":     oneJob + "    x: " + strings.Repeat("[", 61) + strings.Repeat("]", 61),
		"64 deep in JSON":     `{"name":"a","jobs":[{"name":"x","task":"t","x":` + strings.Repeat("[", 61) + strings.Repeat("]", 61) + `}]}`,
		"a name of 200 runes": "name: a\njobs: [{name: " + strings.Repeat("é", 200) + ", task: t}]",
		"512 KiB":             `{"name":"a","jobs":[{"name":"x","task":"` + strings.Repeat("x", 512<<10-44) + `"}]}`,
	} {
		if _, err := Read("f", []byte(in)); err != nil {
			t.Errorf("%s: %v", what, clip(err.Error()))
		}
	}
}
