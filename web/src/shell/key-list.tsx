import { Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components'
import { strings } from '../strings.ts'
import { Button } from '../ui/button.tsx'
import overlay from '../ui/dialog.module.css'
import { CloseIcon } from '../ui/icons.tsx'
import { useObservable } from '../ui/value.ts'
import styles from './key-list.module.css'
import { preferences } from './preferences.ts'

const texts = strings.keyList

export function KeyList({ onClose }: { onClose(): void }) {
  const { singleKeys } = useObservable(preferences)
  return (
    <ModalOverlay className={overlay.overlay ?? ''} isOpen isDismissable onOpenChange={onClose}>
      <Modal className={overlay.modal ?? ''}>
        <Dialog className={overlay.dialog ?? ''}>
          <div className={overlay.head}>
            <Heading slot="title">{texts.title}</Heading>
            <Button look="icon" aria-label={strings.announce.dismiss} onPress={onClose}>
              <CloseIcon />
            </Button>
          </div>
          {!singleKeys && <p className={overlay.body}>{texts.off}</p>}
          <Keys title={texts.anywhere} keys={texts.anywhereKeys} />
          <Keys title={texts.inList} keys={texts.listKeys} />
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}

function Keys({ title, keys }: { title: string; keys: readonly (readonly string[])[] }) {
  return (
    <section className={styles.section}>
      <h3>{title}</h3>
      <dl className={styles.keys}>
        {keys.map(([key, meaning]) => (
          <div key={key} className={styles.row}>
            <dt>{meaning}</dt>
            <dd>{key}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
