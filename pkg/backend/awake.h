// The functions of awake.c: threads spin on all idle cores from the first begin to the last end.
void awake_begin(void);
void awake_end(void);
