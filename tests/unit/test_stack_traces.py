"""Stack traces without the frames of libraries."""

import pytest

from operations.stack_traces import own_frames
from tests.unit.histories import recorded

PYTHON = """\
Traceback (most recent call last):
  File "/app/.venv/lib/python3.11/site-packages/dapr/ext/workflow/runtime.py", line 17, in wrap
    result = fn(wf_context, inp)
             ^^^^^^^^^^^^^^^^^^^
  File "/app/orders/activities.py", line 12, in charge
    raise CardError("refused")
  File "/usr/lib/python3.11/json/decoder.py", line 337, in decode
    obj, end = self.raw_decode(s)
  [Previous line repeated 3 more times]
orders.CardError: refused"""
PYTHON_OWN = """\
Traceback (most recent call last):
  File "/app/orders/activities.py", line 12, in charge
    raise CardError("refused")
orders.CardError: refused"""

GO = """\
panic: refused
goroutine 18 [running]:
runtime/debug.Stack()
\t/usr/local/go/src/runtime/debug/stack.go:24 +0x5e
main.Charge({0xc0001, 0x2})
\t/src/orders/activities.go:31 +0x1d
github.com/dapr/durabletask-go/task.(*executor).ExecuteActivity(0xc0)
\t/go/pkg/mod/github.com/dapr/durabletask-go@v0.12.2/task/executor.go:100 +0x2a"""
GO_OWN = """\
panic: refused
goroutine 18 [running]:
main.Charge({0xc0001, 0x2})
\t/src/orders/activities.go:31 +0x1d"""

JAVA = """\
com.example.CardError: refused
\tat com.example.orders.Charge.run(Charge.java:12)
\tat io.dapr.workflows.runtime.WorkflowActivityWrapper.run(Wrapper.java:40)
\tat java.base/java.lang.Thread.run(Thread.java:840)
\t... 3 more
Caused by: java.io.IOException: no line
\tat com.example.orders.Bank.call(Bank.java:7)"""
JAVA_OWN = """\
com.example.CardError: refused
\tat com.example.orders.Charge.run(Charge.java:12)
Caused by: java.io.IOException: no line
\tat com.example.orders.Bank.call(Bank.java:7)"""

DOTNET = """\
   at Orders.Charge.RunAsync(WorkflowActivityContext context, Order order) in /src/Charge.cs:line 12
--- End of stack trace from previous location ---
   at Dapr.Workflow.WorkflowActivity`2.RunAsync(Object input)
   at System.Runtime.CompilerServices.TaskAwaiter.ThrowForNonSuccess(Task task)
--- End of stack trace from previous location ---
   at Microsoft.DurableTask.Worker.Grpc.GrpcDurableTaskWorker.Processor.Run()"""
DOTNET_OWN = """\
   at Orders.Charge.RunAsync(WorkflowActivityContext context, Order order) in /src/Charge.cs:line 12
--- End of stack trace from previous location ---"""

JAVASCRIPT = """\
Error: refused
    at charge (/app/src/activities.js:10:11)
    at new Promise (<anonymous>)
    at async ActivityExecutor.execute (/app/node_modules/@dapr/durabletask-js/worker.js:20:5)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)"""
JAVASCRIPT_OWN = """\
Error: refused
    at charge (/app/src/activities.js:10:11)"""


@pytest.mark.parametrize(
    ("trace", "own", "hidden"),
    [
        (PYTHON, PYTHON_OWN, 2),
        (GO, GO_OWN, 2),
        (JAVA, JAVA_OWN, 2),
        (DOTNET, DOTNET_OWN, 3),
        (JAVASCRIPT, JAVASCRIPT_OWN, 3),
    ],
    ids=["Python", "Go", "Java", ".NET", "JavaScript"],
)
def test_the_frames_of_libraries_are_left_out(trace: str, own: str, hidden: int) -> None:
    """The message and the causes stay."""
    found = own_frames(trace)
    assert (found.text, found.hidden) == (own, hidden)


@pytest.mark.parametrize(
    "path",
    [
        r"C:\Python311\Lib\asyncio\tasks.py",
        "/usr/lib64/python3/dist-packages/six.py",
        "<frozen importlib._bootstrap>",
        "/opt/sdk/dapr/ext/workflow/worker.py",
    ],
)
def test_a_library_of_python_may_be_anywhere(path: str) -> None:
    """Also on Windows, and in the interpreter itself."""
    own = '  File "/app/activities.py", line 1, in charge'
    assert own_frames(f'{own}\n  File "{path}", line 2, in call\n    go()').text == own


@pytest.mark.parametrize(
    "trace",
    [
        "",
        "refused",
        "<b>\n  line 1",
        "    at java.base/java.lang.Thread.run(Thread.java:840)",
        '  File "/venv/lib/python3.11/site-packages/x.py", line 1, in y\n    z()',
        '  File "/app/activities.py", line 1, in charge\n    go()',
    ],
)
def test_a_trace_of_one_sort_is_shown_whole(trace: str) -> None:
    """If no frame is the application's own, or if all are."""
    found = own_frames(trace)
    assert (found.text, found.hidden) == (trace, 0)


def test_a_recorded_trace_is_that_of_the_activity() -> None:
    """Of the real engine and the SDK for Python."""
    (failure,) = [each.failure for each in recorded("failed") if each.kind == "taskFailed"]
    assert failure
    found = own_frames(failure.stack_trace or "")
    assert "raise ValueError(reason)" in found.text
    assert "site-packages" not in found.text
