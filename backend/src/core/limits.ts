/**
 * What a client may ask of the server, and for how long: every bound that stands against clients, in
 * one place. They are the same everywhere, so they are no settings; the specification lists them
 * (section 8). What a field of a task may hold is in the schemas.
 */
export const LIMITS = Object.freeze({
  /** Request line and headers together; Node's own default. */
  headerBytes: 16_384,
  /** One part of a path: a user id of 255 characters, each of four bytes, percent-encoded. */
  pathPartCharacters: 255 * 4 * 3,
  bodyBytes: 65_536,
  /** How deep objects and arrays lie in each other in a body; no schema goes deeper. */
  bodyLevels: 2,
  /** Of an `Idempotency-Key`; its column has the same bound. */
  keyCharacters: 255,

  /**
   * Connections that wait to be taken. Node's own is 511; of more that come at once, each would try
   * again after 1, 3, 7 and more seconds.
   */
  connectionsWaiting: 4_096,

  /** Headers must have arrived after this, and the whole request after that. */
  headersMs: 15_000,
  requestMs: 30_000,
  /** How often connections are looked through for those that are over time; Node's own is 30 s. */
  overdueCheckMs: 5_000,
  /** A client that takes nothing of its answer for this long is given up. */
  stalledMs: 60_000,
  /** Longer than the usual load balancer keeps an idle connection, so that it is the one to close it. */
  keepAliveMs: 75_000,

  /** Statements of users that may be under way or waiting at once, over all connections to the database. */
  statementsInFlight: 1_024,
  /** The same for one user. */
  statementsOfOneUser: 256,
  /** One user's statements that may be sent to the database: their number and estimated work. */
  underWayOfOneUser: 16,
  workOfOneUserMs: 5,
  /** Statements sent to one connection before it answers: initially, at most, and their estimated work. */
  statementsAhead: 16,
  statementsAheadMost: 64,
  workAheadMs: 20,
  /** Nothing is sent behind a statement that has run for longer. */
  behindMs: 50,
  /** 503 at once while a user's first statement has waited this long, or no connection has answered. */
  statementStuckMs: 1_000,
  /** And none waits longer than this. */
  statementWaitMs: 1_500,
  /** A list with a filter looks for this long for the tasks of a page, which then ends early. */
  pageMs: 2_000,
  /** A statement may run this long, and wait this long for a lock while nobody else waits behind it. */
  statementMs: 5_000,
  lockMs: 3_000,
  /** With others behind it, it waits this long for a lock, and is then sent again. */
  lockBehindMs: 50,
  /** Opening a connection to the database may take this long. */
  connectMs: 5_000,
  /** A connection to the database that owes answers and sends nothing for this long is given up. */
  databaseSilenceMs: 10_000,
  /** The embedded database cannot cancel a statement; if one takes longer, the process ends. */
  databaseWorkMs: 120_000,

  /** `RATE_LIMIT_PER_MINUTE` counts over this. */
  userWindowSeconds: 60,
  /** Users whose requests are counted, and tokens that are remembered: the latest of each. */
  usersCounted: 10_000,
  tokensRemembered: 10_000,
  /** Memory of all cached tokens together, and of each; a longer one is verified each time. */
  tokenBytesRemembered: 8_388_608,
  tokenBytesEach: 4_096,
  /** Keys of a key set that are tried on one token, if several match. */
  keysTried: 10,
  /** A key set with more bytes or more keys is refused. */
  keySetBytes: 262_144,
  keySetKeys: 100,

  /** Requests that may hash a password and wait for their turn, and those of one client network. */
  hashesWaiting: 19,
  hashesOfOneNetwork: 3,
  /** What hashes a password, from one client address; Better Auth's own for sign-ins. */
  hashesPerAddress: 3,
  hashesWindowSeconds: 10,
  /** Passwords tried on one account, from wherever they come. */
  passwordsPerAccount: 10,
  passwordsWindowSeconds: 300,
  /** Where addresses are verified, a sign-up is answered after a multiple of this. */
  signUpGridMs: 500,
  /** Sessions of one account; the trigger keep_newest_sessions has the same number. */
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
  /** Requests of one user that begin in one event-loop tick; the others begin in the next ticks. */
  requestsOfUserPerTick: 16,
  /** A connection beyond these limits stays open this long after its last response, so that it is read. */
  lingerMs: 1_000,
  /** Response bytes that clients have not read: of all users, and of one. */
  queuedBytes: 67_108_864,
  queuedBytesOfUser: 4_194_304,
  /** A client with waiting bytes must read this many per second, averaged over that time. */
  slowestBytesPerSecond: 16_384,
  slowestOverMs: 30_000,
})

export type Limits = Readonly<Record<keyof typeof LIMITS, number>>
