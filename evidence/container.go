package evidence

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// block is the unit of a tar.
const block = 512

// header is an entry's tar header: ustar, a plain file of mode 0644 that nobody
// owns, of no time. It is the only form that a bundle's headers have.
func header(name string, size int64) []byte {
	b := make([]byte, block)
	copy(b, name) // at most 100 bytes: the names are ours
	copy(b[100:], "0000644\x00")
	copy(b[108:], "0000000\x00")
	copy(b[116:], "0000000\x00")
	copy(b[124:], fmt.Sprintf("%011o\x00", size))
	copy(b[136:], "00000000000\x00")
	copy(b[148:], "        ")
	b[156] = '0'
	copy(b[257:], "ustar\x0000")
	n := 0
	for _, c := range b {
		n += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", n))
	return b
}

// maxSize is the largest entry that a header can name.
const maxSize = 1<<33 - 1

// padding is how many zeros follow a content.
func padding(size int64) int64 { return (block - size%block) % block }

// trailer ends a tar.
var trailer = make([]byte, 2*block)

// readHeader is what a header says. ours: it has our form. sound: its checksum
// holds, so that it is somebody's header, and nothing in it was changed since.
func readHeader(b []byte) (name string, size int64, ours, sound bool) {
	text, _, _ := bytes.Cut(b[:100], []byte{0})
	size, err := strconv.ParseInt(string(b[124:135]), 8, 64)
	if err != nil || size < 0 || size > maxSize || len(text) == 0 {
		return string(text), 0, false, false
	}
	n := 8 * int(' ')
	for i, c := range b {
		if i < 148 || i >= 156 {
			n += int(c)
		}
	}
	said, err := strconv.ParseInt(strings.Trim(string(b[148:156]), " \x00"), 8, 64)
	return string(text), size, bytes.Equal(header(string(text), size), b), err == nil && said == int64(n)
}

// headerField is the part of a header that a byte is in, for people.
func headerField(at int) string {
	for _, f := range []struct {
		end  int
		name string
	}{
		{100, "name"},
		{108, "mode"},
		{116, "uid"},
		{124, "gid"},
		{136, "size"},
		{148, "mtime"},
		{156, "checksum"},
		{157, "type"},
		{257, "linkname"},
		{263, "magic"},
		{265, "version"},
		{297, "uname"},
		{329, "gname"},
		{337, "devmajor"},
		{345, "devminor"},
		{500, "prefix"},
	} {
		if at < f.end {
			return f.name
		}
	}
	return "padding"
}
