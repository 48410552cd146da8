// Package exercises contains solutions to the exercises of notebooks 01 to 06, one file per notebook. The tests define
// what each solution must do: write your own before you read these.
package exercises
