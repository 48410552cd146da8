//go:build goexperiment.simd

package backend

const simdNote = " with SIMD"
