package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// program is what a program that XLA compiled for the CPU computes and moves.
type program struct {
	products []product
	kernels  []int64 // bytes read and written by each other kernel
}

// product is a matrix product, counted as often as the program computes it.
type product struct {
	left, right operand
	macs        int64 // multiply-adds of one
	bytes       int64 // of both factors and the result
	count       int
}

// operand is a factor: its dimensions, and the axes that form the batch and that are summed over.
type operand struct{ dims, batch, summed []int }

func (p product) String() string { return fmt.Sprintf("%v·%v", p.left.dims, p.right.dims) }

// macs is the number of multiply-adds of all products.
func (p program) macs() (n int64) {
	for _, d := range p.products {
		n += d.macs * int64(d.count)
	}
	return n
}

// bytes is the number of bytes that products and kernels read and write.
func (p program) bytes() (n int64) {
	for _, d := range p.products {
		n += d.bytes * int64(d.count)
	}
	for _, k := range p.kernels {
		n += k
	}
	return n
}

// instruction is a line of XLA's text.
type instruction struct {
	name, shape, op string
	operands        []string
	attributes      string
}

var (
	instructionLine = regexp.MustCompile(`^ +(?:ROOT )?%(\S+) = (\(.*?\)|\S+) ([\w-]+)\((.*?)\)(.*)$`)
	computationLine = regexp.MustCompile(`^(ENTRY )?%(\S+) \(.*\{$`)
	nameInText      = regexp.MustCompile(`%([\w.-]+)`)
	arrayInText     = regexp.MustCompile(`([a-z]+)(\d+)\w*\[([\d,]*)\]`)
	calledInText    = regexp.MustCompile(`calls=%([\w.-]+)`)
)

// readProgram reads an optimised program from a file that XLA wrote for --xla_dump_hlo_as_text. Each kernel counts with all that it
// reads and writes; of an operand of which it only takes slices, only these. What a product's kernel packs or copies is not visible.
func readProgram(path string) (p program, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return p, err
	}
	computations, entry := map[string][]instruction{}, ""
	current := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if m := computationLine.FindStringSubmatch(line); m != nil {
			current = m[2]
			if m[1] != "" {
				entry = current
			}
		} else if m := instructionLine.FindStringSubmatch(line); m != nil {
			i := instruction{name: m[1], shape: m[2], op: m[3], attributes: m[5]}
			for _, operand := range nameInText.FindAllStringSubmatch(m[4], -1) {
				i.operands = append(i.operands, operand[1])
			}
			if i.op == "parameter" {
				i.operands = []string{m[4]} // its number
			}
			computations[current] = append(computations[current], i)
		}
	}
	shapes := map[string]string{}
	for _, i := range computations[entry] {
		shapes[i.name] = i.shape
		switch i.op {
		case "parameter", "constant", "tuple", "get-tuple-element", "bitcast", "reshape", "after-all":
			continue // no kernel
		case "dot", "convolution":
			p.add(newProduct(i, shapes))
			continue
		}
		bytes := bytesOf(i.shape)
		for n, operand := range i.operands {
			bytes += min(bytesOf(shapes[operand]), slicedBytes(computations, i, n))
		}
		p.kernels = append(p.kernels, bytes)
	}
	if len(p.products) == 0 {
		return p, fmt.Errorf("%s: no matrix product found", path)
	}
	return p, nil
}

// slicedBytes is the number of bytes that a kernel takes of its operand n if it only takes slices of it, else the largest int64.
func slicedBytes(computations map[string][]instruction, kernel instruction, n int) int64 {
	const all = 1<<63 - 1
	called := calledInText.FindStringSubmatch(kernel.attributes)
	if called == nil {
		if kernel.op == "slice" {
			return bytesOf(kernel.shape)
		}
		return all
	}
	parameter, sum := "", int64(0)
	for _, i := range computations[called[1]] {
		if i.op == "parameter" && i.operands[0] == strconv.Itoa(n) {
			parameter = i.name
		}
	}
	if parameter == "" {
		return all
	}
	for _, i := range computations[called[1]] {
		if !slices.Contains(i.operands, parameter) || i.op == "parameter" {
			continue
		}
		if i.op != "slice" {
			return all
		}
		sum += bytesOf(i.shape)
	}
	return sum
}

// newProduct reads a matrix product, or a convolution with a kernel [height, width, in, out].
func newProduct(i instruction, shapes map[string]string) product {
	axes := func(name string) (list []int) {
		m := regexp.MustCompile(name + `=\{([\d,]*)\}`).FindStringSubmatch(i.attributes)
		if m != nil {
			list = numbers(m[1])
		}
		return list
	}
	left, right := shapes[i.operands[0]], shapes[i.operands[1]]
	d := product{
		left:  operand{dimensions(left), axes("lhs_batch_dims"), axes("lhs_contracting_dims")},
		right: operand{dimensions(right), axes("rhs_batch_dims"), axes("rhs_contracting_dims")},
		bytes: bytesOf(left) + bytesOf(right) + bytesOf(i.shape), macs: 1, count: 1,
	}
	for _, n := range dimensions(i.shape) {
		d.macs *= int64(n)
	}
	if i.op == "convolution" {
		d.macs *= int64(d.right.dims[0] * d.right.dims[1] * d.right.dims[2])
	}
	for _, axis := range d.left.summed {
		d.macs *= int64(d.left.dims[axis])
	}
	return d
}

// add adds a product, or counts an equal one again.
func (p *program) add(d product) {
	for i, known := range p.products {
		if fmt.Sprint(known.left, known.right) == fmt.Sprint(d.left, d.right) {
			p.products[i].count++
			return
		}
	}
	p.products = append(p.products, d)
}

// bytesOf is the size of an array, or of all arrays of a tuple, in XLA's text: "f32[64,10]{1,0}".
func bytesOf(shape string) (n int64) {
	for _, m := range arrayInText.FindAllStringSubmatch(shape, -1) {
		bits, _ := strconv.Atoi(m[2])
		size := int64(bits)
		for _, d := range numbers(m[3]) {
			size *= int64(d)
		}
		n += size / 8
	}
	return n
}

// dimensions are those of an array in XLA's text.
func dimensions(shape string) []int { return numbers(arrayInText.FindStringSubmatch(shape)[3]) }

func numbers(list string) (n []int) {
	for field := range strings.SplitSeq(list, ",") {
		if v, err := strconv.Atoi(field); err == nil {
			n = append(n, v)
		}
	}
	return n
}
