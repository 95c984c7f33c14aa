# What make install gives to systemd, with the paths of this PREFIX.
SYSTEMD_UNITS := $(sort $(wildcard deploy/systemd/*.service deploy/systemd/*.target deploy/systemd/*/*.conf))
.PHONY: install-units
install: install-units
install-units:
	@for u in $(SYSTEMD_UNITS:deploy/systemd/%=%); do \
	    install -d "$$(dirname $(DESTDIR)$(PREFIX)/lib/systemd/system/$$u)" && \
	    sed 's,/usr/local/,$(PREFIX)/,' deploy/systemd/$$u > $(DESTDIR)$(PREFIX)/lib/systemd/system/$$u && \
	    chmod 644 $(DESTDIR)$(PREFIX)/lib/systemd/system/$$u || exit; \
	done
	install -d $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
	install -m 644 deploy/systemd/warren.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/warren.conf
	install -m 644 deploy/systemd/warren.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/warren.conf
