// Package parity holds tests that compare this project with PyTorch: logits, gradients, running statistics,
// optimizers and weight files.
//
// What PyTorch computes lies in testdata, made by make.py. The weights and images behind it do not: both
// sides compute them from the same formula (formula.py, formula_test.go). Of large arrays only a sketch is
// kept, nine numbers that tell how far another array is from it.
//
// What "go test" runs takes about a minute, most of which XLA spends on compiling. With fixtures in another folder,
// named in PARITY_FIXTURES, every comparison runs on both backends.
//
// "make parity" does the comparison anew where PyTorch is installed, and exchanges trained models with it.
package parity
