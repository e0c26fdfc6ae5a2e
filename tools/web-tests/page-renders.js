// Runs in Chromium, before the page itself. React calls this hook, which is that of its developer tools, after each
// commit, also in a production build. `renders` has the titles of the tasks whose components rendered.

globalThis.renders = new Set()

globalThis.__REACT_DEVTOOLS_GLOBAL_HOOK__ = {
  supportsFiber: true,
  inject: () => 1,
  onCommitFiberUnmount() {},
  onCommitFiberRoot(_, { current }) {
    if (current.alternate !== null) visit(current)
  },
}

const FUNCTIONS = new Set([0, 11, 14, 15])
const PERFORMED_WORK = 1

/** A subtree that React has skipped keeps the children of the commit before. */
function visit(fiber) {
  const { alternate, flags, memoizedProps, tag } = fiber
  const hasRendered = FUNCTIONS.has(tag) && (flags & PERFORMED_WORK) !== 0
  if (hasRendered && memoizedProps?.task?.title) renders.add(memoizedProps.task.title)
  if (alternate !== null && alternate.child === fiber.child) return
  for (let child = fiber.child; child !== null; child = child.sibling) visit(child)
}
