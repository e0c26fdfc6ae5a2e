import { Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components'
import { strings } from '../strings.ts'
import { Button } from './button.tsx'
import styles from './dialog.module.css'

interface ConfirmProps {
  readonly title: string
  readonly body: string
  readonly action: string
  readonly cancel?: string
  onConfirm(): void
  onCancel(): void
}

/** A question before what cannot be undone. Everything else has "Undo" instead. */
export function Confirm({
  title,
  body,
  action,
  cancel = strings.trash.cancel,
  onConfirm,
  onCancel,
}: ConfirmProps) {
  return (
    <ModalOverlay
      className={styles.overlay ?? ''}
      isOpen
      isDismissable
      onOpenChange={(isOpen) => !isOpen && onCancel()}
    >
      <Modal className={styles.modal ?? ''}>
        <Dialog role="alertdialog" className={styles.dialog ?? ''}>
          <Heading slot="title">{title}</Heading>
          <p className={styles.body}>{body}</p>
          <div className={styles.foot}>
            <Button look="outlined" autoFocus onPress={onCancel}>
              {cancel}
            </Button>
            <Button look="danger" onPress={onConfirm}>
              {action}
            </Button>
          </div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}
