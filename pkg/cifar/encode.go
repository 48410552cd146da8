package cifar

import (
	"encoding/binary"
	"strings"
)

func (r reader) encodeBatch(l Layout, id int, im images, in []jpegImage) []byte {
	if l == Binary {
		return appendBinary(make([]byte, 0, len(im.labels)*recordSize), im)
	}
	return pickleOfBatch(batchTitle(id), im, func(i int) string { return in[i].name + ".png" })
}

func (r reader) encodeMeta(l Layout) []byte {
	if l == Binary {
		return []byte(strings.Join(Classes[:], "\n") + "\n\n")
	}
	p := &pickler{}
	p.op("\x80\x02}")
	p.put()
	p.op("(")
	p.key("num_cases_per_batch")
	p.integer(int32(r.batchLen))
	p.key("label_names")
	p.list(len(Classes), func(i int) { p.text(Classes[i]) })
	p.key("num_vis")
	p.integer(ImageSize)
	p.op("u.")
	return p.out
}

// pickler writes the opcodes of protocol 2 that Python 2's cPickle wrote for the published files.
type pickler struct {
	out  []byte
	memo byte
}

func (p *pickler) op(s string) { p.out = append(p.out, s...) }

// put stores the top of the stack in the memo (BINPUT), as cPickle does. Nothing recalls it, so 255 entries are enough.
func (p *pickler) put() {
	if p.memo < 255 {
		p.memo++
		p.out = append(p.out, 'q', p.memo)
	}
}

func (p *pickler) text(s string) { // SHORT_BINSTRING
	p.out = append(p.out, 'U', byte(len(s)))
	p.op(s)
}

func (p *pickler) key(s string) {
	p.text(s)
	p.put()
}

func (p *pickler) integer(v int32) { // BININT1, BININT2 or BININT
	switch {
	case v >= 0 && v < 1<<8:
		p.out = append(p.out, 'K', byte(v))
	case v >= 0 && v < 1<<16:
		p.out = binary.LittleEndian.AppendUint16(append(p.out, 'M'), uint16(v))
	default:
		p.out = binary.LittleEndian.AppendUint32(append(p.out, 'J'), uint32(v))
	}
}

// list writes n items in chunks of 1,000, as cPickle does.
func (p *pickler) list(n int, item func(i int)) {
	p.op("]")
	p.put()
	for start := 0; start < n; start += 1000 {
		p.op("(")
		for i := start; i < min(start+1000, n); i++ {
			item(i)
		}
		p.op("e")
	}
}

func pickleOfBatch(title string, im images, filename func(i int) string) []byte {
	n := len(im.labels)
	p := &pickler{out: make([]byte, 0, len(im.planes)+64*n+1000)}
	p.op("\x80\x02}")
	p.put()
	p.op("(")
	p.key("batch_label")
	p.key(title)
	p.key("labels")
	p.list(n, func(i int) { p.integer(int32(im.labels[i])) })
	p.key("data")
	p.op("cnumpy.core.multiarray\n_reconstruct\n")
	p.put()
	p.op("cnumpy\nndarray\n")
	p.put()
	p.op("K\x00\x85U\x01b\x87R") // _reconstruct(ndarray, (0,), "b")
	p.put()
	p.op("(K\x01") // the array's state: version 1, shape, …
	p.integer(int32(n))
	p.integer(ImageSize)
	p.op("\x86cnumpy\ndtype\n")
	p.put()
	p.op("U\x02u1K\x00K\x01\x87R") // … dtype("u1", 0, 1) …
	p.put()
	p.op("(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89") // … with its state, row-major, …
	p.op("T")                                                            // … and the pixels (BINSTRING)
	p.out = binary.LittleEndian.AppendUint32(p.out, uint32(len(im.planes)))
	p.out = append(p.out, im.planes...)
	p.op("tb")
	p.key("filenames")
	p.list(n, func(i int) { p.text(filename(i)) })
	p.op("u.")
	return p.out
}
