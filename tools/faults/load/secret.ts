/** Signs the tokens of the clients, and is given to the server. */
export const SECRET = 'a secret for faults, of more than 32 bytes'
