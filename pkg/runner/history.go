package runner

// History is what a run records about itself, kept in its checkpoints.
type History struct {
	Steps []Step   `json:"steps"` // every training step, in order
	Evals []Eval   `json:"evals"` // every evaluation on dev, in order
	Log   []string `json:"log"`   // the lines that Train printed
	Best  float64  `json:"best"`  // the best dev accuracy
	// Seconds is the time spent in training steps and evaluations, over all sessions.
	Seconds float64 `json:"seconds"`
	Device  string  `json:"device"` // what the last session computed with
	Data    string  `json:"data"`   // which data it was trained on
}

// Step is one training step.
type Step struct {
	Loss         float32 `json:"l"`
	Accuracy     float32 `json:"a"` // of the batch, before the update
	LearningRate float32 `json:"r"`
}

// Eval is one evaluation on the dev set.
type Eval struct {
	Step  int     `json:"step"`
	Score float64 `json:"score"`
	Loss  float64 `json:"loss"`
}
