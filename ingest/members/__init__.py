"""Files inside others: attachments, mails of mailboxes, and what archives hold."""
