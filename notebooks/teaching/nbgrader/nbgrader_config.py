# nbgrader for the Go kernel: "nbgrader generate_assignment softmax" and so on, in this folder.
c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "resnet18"

# In Go, what replaces a solution between "// BEGIN SOLUTION" and "// END SOLUTION". panic ends a function that returns something.
c.ClearSolutions.code_stub = {"go": '// YOUR CODE HERE · 在此编写代码\npanic("not implemented")'}

# The first cell of a kernel compiles for longer than nbgrader's 30 seconds on a busy machine.
c.Execute.timeout = 300

# The notebooks are signed with the course's own kernel.
c.ExecutePreprocessor.kernel_name = "gonb"
