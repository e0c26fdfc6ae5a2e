/** The secret of the server, with which clients sign their tokens. */
export const SECRET = 'a secret for faults, of more than 32 bytes'
