import type { Limits } from '../../backend/src/core/limits.ts'

/** The effect of each limit, and the behaviour of the server beyond it, in Markdown. */
export const LIMIT_EFFECTS: Readonly<Record<keyof Limits, string>> = {
  headerBytes: 'Request line and headers together. Beyond it: 431.',
  pathPartCharacters: 'One segment of a path. A longer one is no user id and no task id: 404.',
  bodyBytes: 'The body of a request. Beyond it: 413.',
  bodyLevels: 'Nesting of objects and arrays in a body. Beyond it: 422, and `detail` says so.',
  operationsOfBatch: 'Operations of a batch. Beyond it: 422.',
  batchBytes: 'The body of a batch. Beyond it: 413.',
  batchLevels: 'Nesting of objects and arrays in the body of a batch. Beyond it: 422.',
  batchStoredBytes:
    'The tasks in the response to a batch with an `Idempotency-Key`, which the server stores. Beyond it: 413, and the batch changes nothing.',
  childrenOfTask:
    'Children of a task that are not in the trash. Beyond it: 422, and 409 for the next occurrence of a recurring child.',
  childrenCopied:
    'Children that one request copies, for the next occurrences of recurring tasks. Beyond it: 413, and nothing is done.',
  keyCharacters: 'An `Idempotency-Key`. Beyond it: 422.',
  connectionsWaiting:
    'New connections that the operating system queues, unless its own limit is lower. It rejects others, and their clients try again.',
  headersMs: 'The headers must arrive within this time. Otherwise: 408.',
  requestMs: 'The whole request must arrive within this time. Otherwise: 408.',
  overdueCheckMs: 'The server looks for such connections once in this time.',
  stalledMs: 'The server closes the connection of a client that reads nothing for this long.',
  keepAliveMs: 'The server closes a connection that has had no request for this long.',
  statementsInProgress:
    'Statements in progress or waiting, in each process. Beyond it: 503 at once.',
  statementsOfOneUser: 'Those of one user. Beyond it, that user gets 503 at once.',
  statementsOfBatch: 'Statements of one request that the server runs in one transaction.',
  inProgressOfOneUser:
    'Statements of one user that the server has sent to the database. Others wait in the queue of that user, and the server serves the queues round-robin.',
  workOfOneUserMs:
    'Their total work, estimated from earlier statements of that user. One statement is always allowed. They occupy at most two connections, or a quarter of them if that is more. A user who has been the only one for a second may have one such statement on each of those connections.',
  statementsAhead:
    'Statements that the server sends to a database connection before it answers. The number doubles while connections answer everything before the server can send more, and halves after a response that took longer than `workAheadMs`.',
  statementsAheadMost: 'The maximum of that number.',
  workAheadMs:
    'Their total work, by the same estimate. Users whose statements each exceed it leave a quarter of the connections to others, and at least one.',
  behindMs: 'The server sends nothing behind a statement that has run for longer.',
  statementStuckMs:
    '503 at once for a user whose first waiting statement has waited this long. The same applies while every connection with statements of that user (or every connection, if none has any) owes a response and has sent nothing for this long.',
  statementWaitMs: 'A statement that has waited this long is not sent: 503.',
  pageMs:
    'A page with a filter ends early if finding its tasks takes longer. `Link` names the next page.',
  statementMs: 'A statement that runs longer: 503.',
  lockMs: 'A statement that waits longer for a lock: 503.',
  lockBehindMs:
    'A statement with others behind it that waits longer for a lock fails. The server sends it again, with nothing behind it.',
  connectMs: 'If opening a connection to the database takes longer: the attempt fails',
  databaseSilenceMs:
    'The server closes a database connection that owes responses and is silent for longer: 503 for the requests on it. If the embedded database uses no CPU time meanwhile, the process exits.',
  databaseWorkMs: 'The process exits if the embedded database works on one statement for longer.',
  userWindowSeconds: 'The window of `RATE_LIMIT_PER_MINUTE`. Beyond its limit: 429.',
  usersCounted: 'Users whose requests are counted. Beyond it, the server forgets the oldest count.',
  tokensRemembered:
    'Verified tokens in the cache. Beyond it, the server verifies the least recently used token again.',
  tokenBytesRemembered: 'The memory of that cache. Beyond it: the same.',
  tokenBytesEach: 'The server does not cache a longer token.',
  keySetBytes:
    'The server stops reading a larger response of `BETTER_AUTH_JWKS_URL`, and keeps the previous keys.',
  keySetKeys: 'Keys of a key set. The server tries each that matches a token. Beyond it: the same.',
  hashesWaiting: 'Requests that may hash a password and wait for their turn. Beyond it: 503.',
  hashesOfOneNetwork:
    'Such requests of one client network, in progress or waiting. Beyond it: 503.',
  hashesPerAddress:
    'Requests of one client address that hash a password, within `hashesWindowSeconds`. Beyond it: 429.',
  hashesWindowSeconds: 'The window of `hashesPerAddress`.',
  passwordsPerAccount:
    'Passwords tried for one account within `passwordsWindowSeconds`. Beyond it: 429.',
  passwordsWindowSeconds: 'The window of `passwordsPerAccount`.',
  signUpGridMs:
    'If e-mail verification is required, the server answers a sign-up after a multiple of this time, so that the response time does not reveal whether an address has an account.',
  sessionsPerAccount: 'Sessions of one account. A further sign-in ends the oldest session.',
  mailsPerAddress:
    'Mails to one address within `mailsWindowSeconds`. The server drops further ones.',
  mailsWindowSeconds: 'The window of `mailsPerAddress`.',
  faultsNamed: 'Validation errors in `errors`. `more` counts the others.',
  errorBytes:
    'An error response. The server truncates names and `detail`, and finally shortens `errors`.',
  pipelinedRequests:
    'Requests that wait behind the one in progress on a connection. Beyond it, the server reads no more, answers these, and closes the connection.',
  requestsWaiting: 'Those of all connections of a process. Beyond it: the same.',
  lingerMs: 'Such a connection stays open for this long after its last response.',
  queuedBytes:
    'Response bytes that clients have not read, in each process. Beyond it: 503 for all requests except `/livez`.',
  queuedBytesOfUser: 'Those of one user. Beyond it, that user gets 429.',
  slowestBytesPerSecond:
    'While bytes are waiting, the server closes the connection of a client that reads less.',
  slowestOverMs: 'The time over which that rate is averaged.',
  streamsOfOneUser: 'Open streams of changes of one user, in each process. Beyond it: 429.',
  streamsOpen: 'Those of all users. Beyond it: 503.',
  streamChanges: 'Changes that a stream reads at once. It reads on when its client has read them.',
  streamReads: 'Such reads in progress, in each process. Others wait.',
  streamCommentMs:
    'A stream on which the server has sent nothing for this long gets a comment, so that proxies keep it open.',
  streamQuietMs:
    'A stream that has not read the feed for this long reads it once, in case the server has heard of no change by mistake.',
  streamCheckMs:
    'How often the server looks for these streams, and for those whose token has expired or was revoked. It ends them.',
}
