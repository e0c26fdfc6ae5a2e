import { readArguments, UsageError } from '../core/arguments.ts'
import { loadConfig } from '../core/config/config.ts'
import { endWithReason } from '../core/log/end.ts'
import { signToken } from '../core/token.ts'
import { isUserId } from '../schemas/user.ts'

const USAGE = 'Usage: npm run token -- <user_id>, where the id has 1 to 255 characters'

/** `npm run token -- <user_id>`: prints a token for that user, to try the API with. */
try {
  const [userId = ''] = readArguments({ usage: USAGE, least: 1, most: 1 }).positionals
  if (!isUserId(userId)) throw new UsageError(USAGE)
  const config = loadConfig()
  if (config.production) {
    throw new Error(
      'npm run token does not sign tokens when NODE_ENV is production: sign in instead',
    )
  }
  console.log(await signToken(config, userId))
} catch (error) {
  endWithReason(error)
}
