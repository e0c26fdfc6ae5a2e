import type { NewVersion } from '../service-worker-client.ts'
import { strings } from '../strings.ts'
import { Button } from '../ui/button.tsx'
import { useObservable, value } from '../ui/value.ts'
import styles from './top-bar.module.css'

/** A version of the page that waits for consent. */
export const newVersion = value<NewVersion | null>(null)

export function NewVersionBar() {
  const version = useObservable(newVersion)
  if (version === null) return null
  return (
    <p className={styles.version} role="status">
      {strings.status.newVersion}
      <Button look="text" onPress={() => version.use()}>
        {strings.status.reload}
      </Button>
    </p>
  )
}
