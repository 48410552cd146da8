// Package parity tests this project against PyTorch: logits, gradients, running statistics, optimizers, weight files, and
// notebook 07's modern recipe as a whole.
//
// PyTorch's results are in testdata, written by make.py; for the modern recipe it calls modern.py. Weights and images are not
// there: both sides compute them from the same formula (formula.py, formula_test.go). Large arrays are reduced to a sketch, nine
// numbers that give the distance to another array.
//
// "go test" takes about a minute, mostly XLA's compiler. If PARITY_FIXTURES names another folder with fixtures, every
// comparison runs on both backends.
//
// "make parity" repeats the comparison with an installed PyTorch and exchanges trained models with it.
package parity
