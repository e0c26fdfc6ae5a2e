/**
 * Every limit that protects the server against clients. Limits are the same on every server, so they are not
 * settings; section 8 of the specification lists them. The schemas have the limits of a task's members.
 */
export const LIMITS = Object.freeze({
  /** The request line and headers together. This is also Node's default. */
  headerBytes: 16_384,
  /** One part of a path: a user id of 255 characters, each of four bytes, percent-encoded. */
  pathPartCharacters: 255 * 4 * 3,
  bodyBytes: 65_536,
  /** The nesting depth of objects and arrays in a body. No schema is deeper, except that of a batch. */
  bodyLevels: 2,
  /** A batch: its operations, the bytes of its body, and their depth. */
  operationsOfBatch: 100,
  batchBytes: 1_048_576,
  batchLevels: 5,
  /** The tasks in the stored response to a batch with a key. A body of new tasks never reaches it. */
  batchStoredBytes: 2_097_152,
  /**
   * Children of a task, and children of recurring tasks that one request copies. The triggers check_parent and
   * make_occurrence have the same numbers.
   */
  childrenOfTask: 500,
  childrenCopied: 2_000,
  /** The length of an `Idempotency-Key`. The check constraint of its column has the same number. */
  keyCharacters: 255,

  /**
   * The listen backlog: connections that wait to be accepted. Node's default is 511. Beyond it, clients
   * retry after 1, 3, 7 and more seconds.
   */
  connectionsWaiting: 4_096,

  /** The time for the headers to arrive, and for the whole request. */
  headersMs: 15_000,
  requestMs: 30_000,
  /** How often Node checks connections for these timeouts. Node's default is 30 s. */
  overdueCheckMs: 5_000,
  /** The server closes a connection whose client has read no response bytes for this long. */
  stalledMs: 60_000,
  /** Longer than the idle timeout of usual load balancers, so that they close the connection first. */
  keepAliveMs: 75_000,

  /** Users' statements that may be in progress or waiting, on all connections to the database. */
  statementsInProgress: 1_024,
  /** The same for one user. */
  statementsOfOneUser: 256,
  /** Statements of one transaction. */
  statementsOfBatch: 256,
  /** One user's statements that may be in progress on the database: their number and estimated time. */
  inProgressOfOneUser: 16,
  workOfOneUserMs: 5,
  /** Statements pipelined on one connection: initially, at most, and their estimated time. */
  statementsAhead: 16,
  statementsAheadMost: 64,
  workAheadMs: 20,
  /** The pool pipelines nothing after a statement that has run for longer. */
  behindMs: 50,
  /** 503 at once while a user's oldest statement has waited, or no connection has responded, for this long. */
  statementStuckMs: 1_000,
  /** The longest time for which a statement waits. */
  statementWaitMs: 1_500,
  /** How long a list with a filter searches for the tasks of one page. The page then ends early. */
  pageMs: 2_000,
  /** How long a statement may run, and wait for a lock while no other user's statement waits after it. */
  statementMs: 5_000,
  lockMs: 3_000,
  /** How long a statement waits for a lock while others wait after it. It is then sent again. */
  lockBehindMs: 50,
  /** The time to open a connection to the database. */
  connectMs: 5_000,
  /** The server closes a database connection that owes responses and sends nothing for this long. */
  databaseSilenceMs: 10_000,
  /** The embedded database cannot cancel a statement. If one takes longer, the process ends. */
  databaseWorkMs: 120_000,

  /** The window of `RATE_LIMIT_PER_MINUTE`. */
  userWindowSeconds: 60,
  /** Users whose requests are counted, and tokens that are cached: the most recent ones. */
  usersCounted: 10_000,
  tokensRemembered: 10_000,
  /** The bytes of all cached tokens, and of one. A longer token is verified for each request. */
  tokenBytesRemembered: 8_388_608,
  tokenBytesEach: 4_096,
  /** A key set with more bytes or more keys is refused. One token may match all of its keys. */
  keySetBytes: 262_144,
  keySetKeys: 100,

  /** Requests that may hash a password and wait for it: of all clients, and of one client network. */
  hashesWaiting: 19,
  hashesOfOneNetwork: 3,
  /** Requests from one client address that hash a password. This is also Better Auth's limit for sign-ins. */
  hashesPerAddress: 3,
  hashesWindowSeconds: 10,
  /** Passwords tried on one account, from all client addresses. */
  passwordsPerAccount: 10,
  passwordsWindowSeconds: 300,
  /** If addresses are verified, the response to a sign-up waits for the next multiple of this time. */
  signUpGridMs: 500,
  /** Sessions of one account. The trigger keep_newest_sessions has the same number. */
  sessionsPerAccount: 50,
  /** Mails to one address. */
  mailsPerAddress: 3,
  mailsWindowSeconds: 900,

  /** Validation errors that a response names, and the maximum length of an error response. */
  faultsNamed: 20,
  errorBytes: 8_192,

  /** Pipelined requests that may wait: on one connection, and on all of them. */
  pipelinedRequests: 128,
  requestsWaiting: 4_096,
  /** A connection beyond these limits stays open this long, so that its client can read the last response. */
  lingerMs: 1_000,
  /** Response bytes that clients have not read: of all users, and of one. */
  queuedBytes: 67_108_864,
  queuedBytesOfUser: 4_194_304,
  /** The average speed at which a client with waiting bytes must read, and the time for the average. */
  slowestBytesPerSecond: 16_384,
  slowestOverMs: 30_000,

  /** Open streams of changes: of one user, and of all, in each process. */
  streamsOfOneUser: 20,
  streamsOpen: 12_000,
  /** Changes that a stream reads at once, and such reads in progress in each process. */
  streamChanges: 200,
  streamReads: 32,
  /** A stream on which nothing was sent for this long gets a comment, so that proxies keep it open. */
  streamCommentMs: 20_000,
  /** A stream that read nothing for this long reads once, in case a hint was lost. */
  streamQuietMs: 60_000,
  /** How often the server looks for these streams, and for those whose token has expired or was revoked. */
  streamCheckMs: 1_000,
})

export type Limits = Readonly<Record<keyof typeof LIMITS, number>>
